//! The floor: the same octets in the same turns, and nothing that understands them.
//!
//! It writes octets made before and counts those that come. It keeps no buffer for each session: what it reads goes
//! to the stack.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::engine::{Side, Turn};

/// Octets read at once; the same as ours.
const READ_OCTETS: usize = 4096;

/// Plays one side of all turns once.
pub(crate) async fn play<S>(stream: &mut S, turns: &[Turn], side: Side) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for turn in turns {
        if turn.side == side {
            stream.write_all(&turn.octets).await?;
            stream.flush().await?;
        } else {
            pass(stream, turn.octets.len()).await?;
        }
    }
    Ok(())
}

/// Reads so many octets and forgets them. Each write of the other side is awaited before the next is made, so no read
/// takes more. (A read that fills its buffer would cost another system call, to find that there is no more.)
async fn pass<S: AsyncRead + Unpin>(stream: &mut S, octets: usize) -> io::Result<()> {
    let mut left = octets;
    poll_fn(|context| {
        while left > 0 {
            let mut space = [MaybeUninit::uninit(); READ_OCTETS];
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                read => left = left.saturating_sub(read),
            }
        }
        Poll::Ready(Ok(()))
    })
    .await
}
