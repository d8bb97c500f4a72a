//! An aggregate: many small generators behind one gateway, each with a life of its own.
//!
//! - **Members** are small solar plants. Their sizes are spread evenly by 30 % around the mean; each sees the irradiance
//!   of the measured day some time after the station, 0 to 10 minutes, as clouds come over a town. So the sum is
//!   smoother than one of them.
//! - **Availability**: a member is up and down in turn, for times drawn from exponential distributions of the file's
//!   means, in the plant's time (`--speed` counts). Same seed, same lives.
//! - **Limit**: the gateway gives each member that is up the same share of its size, so that the sum of the shares is the
//!   limit. A member hears of it 0 to `reach_s` real seconds later, its own time each time, and until then does as it
//!   did. What members lack that fell out, the others may make once they have heard.
//!
//! **The spreads are this program's own figures.**

use std::collections::VecDeque;

use fastrand::Rng;

/// How far sizes are spread around the mean.
const SPREAD: f64 = 0.3;
/// Members see the weather in so many places, `DELAY_STEP` seconds after one another.
pub const PLACES: usize = 16;
/// Seconds from one place to the next.
const DELAY_STEP: f64 = 40.0;
/// Every so many members hang on one feeder; a trip takes the first feeder.
const FEEDERS: usize = 4;
/// So many lives at one step are lived one by one.
const LIVES_MOST: f64 = 100.0;
/// A share that nothing reaches: no limit.
const FREE: f64 = f64::MAX;

/// How members fail.
#[derive(Clone, Copy, Debug)]
pub struct Lives {
    /// Mean time up, hours.
    pub up_h: f64,
    /// Mean time down, hours.
    pub down_h: f64,
}

#[derive(Clone, Debug)]
struct Member {
    size: f64,
    place: usize,
    reach: f64,
    up: bool,
    until: f64,
}

/// The aggregate at one instant, powers in the unit of a member's size.
#[derive(Clone, Debug)]
pub struct Aggregate {
    members: Vec<Member>,
    lives: Lives,
    rng: Rng,
    hours: f64,
    /// When which share of their size the gateway gave out, the newest last.
    shares: VecDeque<(f64, f64)>,
    reach_s: f64,
    /// What it makes.
    pub power: f64,
    /// What it could make without a limit.
    pub potential: f64,
    /// Members that are up.
    pub available: usize,
    /// Their size together.
    pub rated_available: f64,
    /// Members that have not heard of the newest limit yet.
    pub waiting: usize,
}

impl Aggregate {
    /// `count` members of `size` each in the mean; the gateway reaches all within `reach_s`.
    #[must_use]
    pub fn new(count: usize, size: f64, lives: Lives, reach_s: f64, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let up = lives.up_h / (lives.up_h + lives.down_h);
        let members = (0..count).map(|_| {
            let (spread, place) = (1.0 + SPREAD * (2.0 * rng.f64() - 1.0), rng.usize(0..PLACES));
            let (reach, up) = (rng.f64() * reach_s, rng.f64() < up);
            let until = lasts(&mut rng, lives, up);
            Member { size: size * spread, place, reach, up, until }
        });
        let members = members.collect();
        Self {
            members,
            lives,
            rng,
            hours: 0.0,
            shares: VecDeque::new(),
            reach_s,
            power: 0.0,
            potential: 0.0,
            available: 0,
            rated_available: 0.0,
            waiting: 0,
        }
    }

    /// How long after the station a place sees its weather, seconds.
    #[must_use]
    pub fn delay(place: usize) -> f64 {
        f64::from(u16::try_from(place).unwrap_or(0)) * DELAY_STEP
    }

    /// Members.
    #[must_use]
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// The size of all together.
    #[must_use]
    pub fn rated(&self) -> f64 {
        self.members.iter().map(|one| one.size).sum()
    }

    /// Moves it on by `hours` of the plant's time to `seconds` of real time. `sun`: what a member makes in each place,
    /// as a share of its size; `tripped`: a feeder is out; `on`: nothing is, where false.
    pub fn step(
        &mut self,
        sun: &[f64; PLACES],
        limit: Option<f64>,
        (on, tripped): (bool, bool),
        hours: f64,
        seconds: f64,
    ) {
        self.hours += hours.max(0.0);
        (self.power, self.potential, self.available, self.rated_available) = (0.0, 0.0, 0, 0.0);
        let mut up = Vec::new();
        let Lives { up_h, down_h } = self.lives;
        for (at, member) in self.members.iter_mut().enumerate() {
            // A machine that slept for long: nobody lives all of it over, and lives have no memory.
            if self.hours - member.until > LIVES_MOST * (up_h + down_h) {
                member.up = self.rng.f64() < up_h / (up_h + down_h);
                member.until = self.hours + lasts(&mut self.rng, self.lives, member.up);
            }
            while member.until <= self.hours {
                member.up = !member.up;
                member.until += lasts(&mut self.rng, self.lives, member.up);
            }
            if on && member.up && !(tripped && at % FEEDERS == 0) {
                self.available += 1;
                self.rated_available += member.size;
                up.push(at);
            }
        }
        self.give_out(limit, seconds);
        self.waiting = 0;
        for at in up {
            let Some(member) = self.members.get(at) else { continue };
            let offers = member.size * sun.get(member.place).copied().unwrap_or_default().clamp(0.0, 1.0);
            let heard = self.shares.iter().rev().position(|(time, _)| time + member.reach <= seconds);
            self.waiting += usize::from(heard != Some(0));
            let share = heard.and_then(|back| self.shares.iter().rev().nth(back)).map_or(FREE, |one| one.1);
            self.potential += offers;
            self.power += if share >= FREE { offers } else { offers.min(member.size * share) };
        }
    }

    fn give_out(&mut self, limit: Option<f64>, seconds: f64) {
        let share = match limit {
            Some(limit) if self.rated_available > 0.0 => limit.max(0.0) / self.rated_available,
            Some(_) => 0.0,
            None => FREE,
        };
        if self.shares.back().is_none_or(|(_, last)| *last != share) {
            // What the first of all says holds from the beginning on.
            let time = if self.shares.is_empty() { seconds - self.reach_s } else { seconds };
            self.shares.push_back((time, share));
        }
        // Everybody has heard of all but the newest of those that are old enough.
        while self.shares.get(1).is_some_and(|(time, _)| time + self.reach_s <= seconds) {
            self.shares.pop_front();
        }
    }
}

/// How long a member stays as it is, hours.
fn lasts(rng: &mut Rng, lives: Lives, up: bool) -> f64 {
    let mean = if up { lives.up_h } else { lives.down_h };
    // Never 0: a life of no length would not end.
    (-(1.0 - rng.f64()).ln() * mean).max(1e-3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVES: Lives = Lives { up_h: 200.0, down_h: 4.0 };
    const NOON: [f64; PLACES] = [0.8; PLACES];
    const WELL: (bool, bool) = (true, false);

    fn whole(reach_s: f64) -> Aggregate {
        Aggregate::new(200, 8.0, Lives { up_h: 1e9, down_h: 1e-3 }, reach_s, 1)
    }

    #[test]
    fn members_come_and_go_and_the_same_seed_lives_the_same() {
        let mut one = Aggregate::new(300, 8.0, LIVES, 0.0, 7);
        let mut other = one.clone();
        let (mut sum, mut seen) = (0.0, std::collections::BTreeSet::new());
        for turn in 0..2_000 {
            let seconds = f64::from(turn);
            one.step(&NOON, None, WELL, 0.5, seconds);
            other.step(&NOON, None, WELL, 0.5, seconds);
            assert_eq!((one.available, one.power), (other.available, other.power));
            assert!((one.potential - one.rated_available * 0.8).abs() < 1e-6);
            sum += f64::from(u16::try_from(one.available).unwrap());
            seen.insert(one.available);
        }
        // Up for 200 h of 204.
        assert!((sum / 2_000.0 - 294.1).abs() < 2.0, "{}", sum / 2_000.0);
        assert!(seen.len() > 5);
    }

    #[test]
    fn a_long_sleep_is_not_lived_over() {
        let mut all = Aggregate::new(1_000, 8.0, Lives { up_h: 3.0, down_h: 1.0 }, 0.0, 7);
        all.step(&NOON, None, WELL, 1e9, 0.0);
        assert!((680..820).contains(&all.available), "{}", all.available);
        assert!(all.members.iter().all(|one| one.until > 1e9));
    }

    #[test]
    fn a_lost_feeder_takes_a_quarter_and_the_others_make_it_good_below_a_limit() {
        let mut all = whole(0.0);
        all.step(&NOON, None, WELL, 0.0, 0.0);
        let before = all.power;
        assert!((before - 0.8 * all.rated()).abs() < 1e-6);
        all.step(&NOON, None, (true, true), 0.0, 1.0);
        assert_eq!(all.available, 150);
        assert!((0.70..0.80).contains(&(all.power / before)), "{}", all.power / before);
        // A limit of half the rating: three quarters can still make it.
        let limit = all.rated() / 2.0;
        all.step(&NOON, Some(limit), WELL, 0.0, 2.0);
        assert!((all.power - limit).abs() < 1e-6);
        all.step(&NOON, Some(limit), (true, true), 0.0, 3.0);
        assert!((all.power - limit).abs() < 1e-6);
        all.step(&NOON, Some(limit), (false, false), 0.0, 4.0);
        assert_eq!((all.power, all.available), (0.0, 0));
    }

    #[test]
    fn a_limit_reaches_one_after_the_other() {
        let mut all = whole(30.0);
        all.step(&NOON, None, WELL, 0.0, 0.0);
        let (before, limit) = (all.power, all.rated() * 0.2);
        assert_eq!(all.waiting, 0);
        let mut last = before;
        for second in 0..31 {
            all.step(&NOON, Some(limit), WELL, 0.0, 100.0 + f64::from(second));
            assert!(all.power <= last + 1e-9);
            last = all.power;
            if second == 15 {
                assert!((40..160).contains(&all.waiting), "{}", all.waiting);
            }
        }
        assert_eq!(all.waiting, 0);
        assert!((all.power - limit).abs() < 1e-6);
        all.step(&NOON, None, WELL, 0.0, 200.0);
        all.step(&NOON, None, WELL, 0.0, 231.0);
        assert!((all.power - before).abs() < 1e-6);
    }
}
