//! Bodies that do not arrive as they should: cut off, stuck, or without an end. The same over a socket and
//! under the AWS SDK.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// What of an endless body comes at a time.
const CHUNK: usize = 64 << 10;
/// How long it takes to come. Without it, a clock that is paused would stand still while the body comes, and no
/// timeout would ever end it.
const PAUSE: Duration = Duration::from_millis(1);

/// What arrives in place of a good body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// These bytes, and the length says so.
    Whole(Vec<u8>),
    /// These bytes, where the length promised more; then the connection breaks.
    Reset { bytes: Vec<u8>, promised: usize },
    /// These bytes, where the length promised more; then nothing.
    Stalled { bytes: Vec<u8>, promised: usize },
    /// Something again and again.
    Endless { head: String, again: String, times: Option<u64>, tail: String },
}

impl Content {
    /// The length that goes over the wire, where it is not that of the bytes.
    pub(crate) fn promised(&self) -> Option<usize> {
        match self {
            Self::Reset { promised, .. } | Self::Stalled { promised, .. } => Some(*promised),
            Self::Whole(_) | Self::Endless { .. } => None,
        }
    }
}

/// A body on its way.
#[derive(Debug)]
pub(crate) struct Body {
    first: Option<Bytes>,
    then: Then,
}

#[derive(Debug)]
enum Then {
    End,
    Reset(Pin<Box<Sleep>>),
    Stall,
    Again { text: String, left: Option<u64>, tail: Option<String>, pause: Pin<Box<Sleep>> },
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes, Then::End)
    }
}

impl From<Content> for Body {
    fn from(content: Content) -> Self {
        match content {
            Content::Whole(bytes) => bytes.into(),
            // The bytes must be on their way before the connection goes.
            Content::Reset { bytes, .. } => Self::new(bytes, Then::Reset(pause())),
            Content::Stalled { bytes, .. } => Self::new(bytes, Then::Stall),
            Content::Endless { head, again, times, tail } => {
                // Nothing, even again and again, is over at once.
                let left = if again.is_empty() { Some(0) } else { times };
                Self::new(head.into_bytes(), Then::Again { text: again, left, tail: Some(tail), pause: pause() })
            }
        }
    }
}

fn pause() -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep(PAUSE))
}

impl Body {
    fn new(first: Vec<u8>, then: Then) -> Self {
        Self { first: Some(first).filter(|bytes| !bytes.is_empty()).map(Bytes::from), then }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        let next = match &mut self.then {
            Then::End => None,
            Then::Stall => return Poll::Pending,
            Then::Reset(pause) => {
                ready!(pause.as_mut().poll(context));
                self.then = Then::End;
                return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer"))));
            }
            Then::Again { text, left: Some(0), tail, .. } => {
                text.clear();
                tail.take().filter(|tail| !tail.is_empty())
            }
            Then::Again { text, left, pause, .. } => {
                ready!(pause.as_mut().poll(context));
                pause.as_mut().reset(Instant::now() + PAUSE);
                let most = (CHUNK / text.len()).max(1);
                let times = left.map_or(most, |left| usize::try_from(left).map_or(most, |left| left.min(most)));
                *left = left.map(|left| left.saturating_sub(times as u64));
                Some(text.repeat(times))
            }
        };
        Poll::Ready(next.map(|text| Ok(Frame::data(text.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && matches!(self.then, Then::End)
    }

    fn size_hint(&self) -> SizeHint {
        match self.then {
            Then::End => SizeHint::with_exact(self.first.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Then::Reset(_) | Then::Stall | Then::Again { .. } => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Limited};

    use super::*;

    async fn collected(content: Content) -> Result<String, String> {
        let body = Body::from(content).collect().await.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
    }

    fn endless(again: &str, times: Option<u64>) -> Content {
        Content::Endless { head: "<a>".to_owned(), again: again.to_owned(), times, tail: "</a>".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn whole_or_not() {
        assert_eq!(collected(Content::Whole(b"abc".to_vec())).await.unwrap(), "abc");
        assert_eq!(collected(Content::Whole(Vec::new())).await.unwrap(), "");
        let reset = Content::Reset { bytes: b"abc".to_vec(), promised: 10 };
        assert_eq!(collected(reset).await.unwrap_err(), "connection reset by peer");
        let stalled = collected(Content::Stalled { bytes: b"abc".to_vec(), promised: 10 });
        assert!(tokio::time::timeout(Duration::from_hours(1), stalled).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn again_and_again() {
        assert_eq!(collected(endless("<b/>", Some(3))).await.unwrap(), "<a><b/><b/><b/></a>");
        assert_eq!(collected(endless("<b/>", Some(0))).await.unwrap(), "<a></a>");
        assert_eq!(collected(endless("", None)).await.unwrap(), "<a></a>");
        let long = collected(endless("<b/>", Some(1_000_000))).await.unwrap();
        assert_eq!((long.len(), long.matches("<b/>").count()), (4_000_007, 1_000_000));
    }

    #[tokio::test(start_paused = true)]
    async fn for_ever_is_ended_by_a_limit_or_a_timeout() {
        assert!(Limited::new(Body::from(endless("x", None)), 1 << 20).collect().await.is_err());
        let mut body = Body::from(endless("x", None));
        let read_on = async {
            while let Some(Ok(frame)) = body.frame().await {
                assert!(frame.data_ref().unwrap().len() <= CHUNK);
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(10), read_on).await.is_err());
    }
}
