//! How far listings are read, for somebody who watches. Nothing depends on it.

use std::fmt;
use std::sync::Arc;

use planner::id::Region;

use crate::call::Call;

/// What is told of a listing while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading<'a> {
    /// What is listed.
    pub call: Call,
    /// Where.
    pub region: &'a Region,
    /// How far it is.
    pub step: Step,
}

/// How far a listing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One more page is read, with so many things.
    Page(usize),
    /// It is over, wholly read or given up, after so many things.
    Over(usize),
}

type Tell = dyn Fn(Reading<'_>) + Send + Sync;

/// Somebody who is told of every page that is read; by default nobody.
#[derive(Clone, Default)]
pub struct Watcher(Option<Arc<Tell>>);

impl Watcher {
    /// Tells it to this.
    pub fn new(tell: impl Fn(Reading<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(crate) fn tell(&self, call: Call, region: &Region, step: Step) {
        if let Some(tell) = &self.0 {
            tell(Reading { call, region, step });
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Watcher" } else { "nobody" })
    }
}
