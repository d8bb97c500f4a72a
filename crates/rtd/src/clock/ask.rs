//! The task that asks the time servers. Several questions to each, since a network delays one packet more than
//! another: of one server's answers the one that was least on the way counts, of several servers' the middle one.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use telemetry::clock::SystemClock;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::sntp::{self, Answer, PACKET, Refused};

/// Questions to each server in a round.
const QUESTIONS: usize = 3;
/// Time between two questions to one server.
const BETWEEN: Duration = Duration::from_secs(2);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// A server that asks for it is left alone for so many rounds.
const ROUNDS_LEFT_ALONE: u32 = 8;

/// What a round of questions came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// How far the servers are ahead of us; `None` where nobody answered.
    pub(crate) offset_ms: Option<f64>,
    /// How long the answer that counts was on the way.
    pub(crate) delay_ms: Option<f64>,
    /// What each that answered said, the least first.
    pub(crate) offsets_ms: Vec<f64>,
    pub(crate) servers: usize,
    pub(crate) answered: usize,
    /// Why those that did not answer well did not, each with its address.
    pub(crate) why: Vec<String>,
}

/// Asks `servers` every `poll`, and at once when `now` says so (the clock was set), until nobody listens.
pub(crate) async fn ask(
    servers: Vec<SocketAddr>,
    poll: Duration,
    clock: SystemClock,
    now: Arc<Notify>,
    out: mpsc::Sender<Asked>,
) {
    let mut left_alone = vec![0_u32; servers.len()];
    // The first answer is enough to begin with.
    let mut questions = 1;
    loop {
        let mut asking = JoinSet::new();
        for (at, server) in servers.iter().enumerate() {
            match left_alone.get_mut(at) {
                Some(rounds @ 1..) => *rounds = rounds.saturating_sub(1),
                _ => drop(asking.spawn(server_says(at, *server, questions, clock))),
            }
        }
        let mut answers = Vec::new();
        let mut why = Vec::new();
        while let Some(said) = asking.join_next().await {
            let Ok((at, server, said)) = said else { continue };
            match said {
                Ok(answer) => answers.push(answer),
                Err(Failed { words, refused }) => {
                    if let (Some(rounds), Some(refused)) = (left_alone.get_mut(at), refused) {
                        *rounds = match refused {
                            Refused::Denied => u32::MAX,
                            Refused::Slower => ROUNDS_LEFT_ALONE,
                            _ => 0,
                        };
                    }
                    why.push(format!("{server}: {words}"));
                }
            }
        }
        why.sort();
        if out.send(summary(answers, servers.len(), why)).await.is_err() {
            return;
        }
        let wait = if questions == 1 { BETWEEN } else { poll };
        questions = QUESTIONS;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = now.notified() => {}
        }
    }
}

/// Of several servers the one in the middle counts: one that is wrong does not. Whether they agree is for the keeper to
/// judge.
fn summary(mut answers: Vec<Answer>, servers: usize, why: Vec<String>) -> Asked {
    answers.sort_by(|one, other| one.offset_ms.total_cmp(&other.offset_ms));
    let middle = match answers.len() % 2 {
        1 => answers.get(answers.len() / 2).copied(),
        // Of two in the middle the one that was less on the way.
        _ => answers
            .get((answers.len() / 2).saturating_sub(1)..)
            .unwrap_or_default()
            .iter()
            .take(2)
            .copied()
            .reduce(nearer),
    };
    Asked {
        offset_ms: middle.map(|answer| answer.offset_ms),
        delay_ms: middle.map(|answer| answer.delay_ms),
        offsets_ms: answers.iter().map(|answer| answer.offset_ms).collect(),
        servers,
        answered: answers.len(),
        why,
    }
}

fn nearer(one: Answer, other: Answer) -> Answer {
    if other.delay_ms < one.delay_ms { other } else { one }
}

struct Failed {
    words: String,
    refused: Option<Refused>,
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self { words: error.to_string(), refused: None }
    }
}

type Said = (usize, SocketAddr, Result<Answer, Failed>);

/// The answer of a server that was least on the way.
async fn server_says(at: usize, server: SocketAddr, questions: usize, clock: SystemClock) -> Said {
    let mut best: Option<Answer> = None;
    let mut failed = None;
    for question in 0..questions {
        if question > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        match one_answer(server, clock).await {
            Ok(answer) => best = Some(best.map_or(answer, |best| nearer(best, answer))),
            Err(failure) => {
                let refused = failure.refused;
                failed = Some(failure);
                if refused.is_some() {
                    break;
                }
            }
        }
    }
    let silent = || Failed { words: "no answer".to_owned(), refused: None };
    (at, server, best.ok_or_else(|| failed.unwrap_or_else(silent)))
}

async fn one_answer(server: SocketAddr, clock: SystemClock) -> Result<Answer, Failed> {
    let local = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // A socket for each question: its port is one more thing to guess.
    let socket = UdpSocket::bind(SocketAddr::new(local, 0)).await?;
    socket.connect(server).await?;
    let number = RandomState::new().hash_one(server);
    let (sent_us, sent) = (clock.wall_micros(), clock.now().mono);
    socket.send(&sntp::question(number)).await?;
    let answered = async {
        let mut packet = [0; PACKET];
        loop {
            let length = socket.recv(&mut packet).await?;
            let received_us = clock.wall_micros();
            // Where the clock was set in between, what passed on the monotonic one counts.
            let passed = u64::try_from(clock.now().mono.since(sent).as_micros()).unwrap_or(u64::MAX);
            let set_meanwhile = received_us.abs_diff(sent_us.saturating_add(passed)) > 10_000;
            let sent_us = if set_meanwhile { received_us.saturating_sub(passed) } else { sent_us };
            match sntp::answer(packet.get(..length).unwrap_or_default(), number, sent_us, received_us) {
                Ok(answer) => return Ok(answer),
                Err(Refused::NotOurs) => {}
                Err(refused) => {
                    return Err(Failed { words: refused.words().to_owned(), refused: Some(refused) });
                }
            }
        }
    };
    let silent = || Failed { words: "no answer".to_owned(), refused: None };
    tokio::time::timeout(PATIENCE, answered).await.unwrap_or_else(|_| Err(silent()))
}

#[cfg(test)]
mod tests {
    use super::super::sntp::tests::told;
    use super::*;

    fn answer(offset_ms: f64, delay_ms: f64) -> Answer {
        Answer { offset_ms, delay_ms }
    }

    #[test]
    fn the_middle_one_counts_and_of_two_the_nearer() {
        let of = |answers: &[Answer]| summary(answers.to_vec(), 4, Vec::new());
        assert_eq!(of(&[]).offset_ms, None);
        assert_eq!(of(&[answer(7.0, 9.0)]).offset_ms, Some(7.0));
        assert_eq!(of(&[answer(7.0, 9.0), answer(-3.0, 2.0)]).offset_ms, Some(-3.0));
        let one_is_wrong = [answer(3_600_000.0, 0.1), answer(2.0, 8.0), answer(1.0, 9.0)];
        assert_eq!((of(&one_is_wrong).offset_ms, of(&one_is_wrong).answered), (Some(2.0), 3));
        let four = [answer(900.0, 0.1), answer(2.0, 8.0), answer(1.0, 3.0), answer(-5.0, 1.0)];
        assert_eq!((of(&four).offset_ms, of(&four).delay_ms), (Some(1.0), Some(3.0)));
    }

    /// Answers each question as `reply` says, given its number and our time.
    async fn server(reply: impl Fn(u64, u64) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let clock = SystemClock::start();
            let mut packet = [0; 128];
            while let Ok((length, peer)) = socket.recv_from(&mut packet).await {
                assert_eq!(length, PACKET);
                let number = u64::from_be_bytes(*packet[40..].first_chunk().unwrap());
                for octets in reply(number, clock.wall_micros()) {
                    socket.send_to(&octets, peer).await.unwrap();
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn servers_are_asked_and_what_is_not_to_our_question_is_passed_over() {
        let ahead = server(|number, now| {
            let forged = told(number.wrapping_add(1), 1, 1).to_vec();
            vec![forged, vec![0; 7], told(number, now + 5_000_000, now + 5_000_000).to_vec()]
        });
        let denying = server(|number, now| {
            let mut packet = told(number, now, now);
            packet[1] = 0;
            packet[12..16].copy_from_slice(b"DENY");
            vec![packet.to_vec()]
        });
        let servers = vec![ahead.await, denying.await];
        let (out, mut asked) = mpsc::channel(1);
        let (clock, poll) = (SystemClock::start(), Duration::from_secs(64));
        let task = tokio::spawn(ask(servers.clone(), poll, clock, Arc::default(), out));
        let first = asked.recv().await.unwrap();
        assert!((first.offset_ms.unwrap() - 5_000.0).abs() < 1_000.0, "{first:?}");
        assert_eq!((first.servers, first.answered), (2, 1));
        assert_eq!(first.why, [format!("{}: the server does not want to be asked", servers[1])]);
        drop(asked);
        task.abort();
    }
}
