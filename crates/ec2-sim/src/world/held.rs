//! What a region holds of one kind, where that may be a hundred thousand: a map by id that knows which of it may change by
//! itself, and in which places it is listed.
//!
//! Both are worked out from what is there when they are asked for, and are no part of the state. Whoever looks gets the map;
//! whoever changes something goes through here, by [`insert`](Held::insert), [`remove`](Held::remove) and
//! [`get_mut`](Held::get_mut), of which it is known what they change, or by any other way into the map, after which nothing is.

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::id::order;

/// Resources of one kind, by id.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent, bound(deserialize = "I: Ord + Deserialize<'de>, T: Deserialize<'de>"))]
pub struct Held<I, T> {
    items: BTreeMap<I, T>,
    /// What may change by itself, or was changed since it last settled; `None` where that may be anything.
    #[serde(skip)]
    restless: Option<BTreeSet<I>>,
    #[serde(skip)]
    places: OnceLock<Places>,
}

impl<I, T> Held<I, T> {
    pub(super) const EMPTY: Self = Self { items: BTreeMap::new(), restless: None, places: OnceLock::new() };
}

impl<I: Ord + Clone, T> Held<I, T> {
    /// Puts a resource there, in place of the one that had the id.
    pub fn insert(&mut self, id: I, item: T) -> Option<T> {
        self.places.take();
        if let Some(restless) = &mut self.restless {
            restless.insert(id.clone());
        }
        self.items.insert(id, item)
    }

    /// Takes a resource away.
    pub fn remove<Q: Ord + ?Sized>(&mut self, id: &Q) -> Option<T>
    where
        I: Borrow<Q>,
    {
        self.places.take();
        if let Some(restless) = &mut self.restless {
            restless.remove(id);
        }
        self.items.remove(id)
    }

    /// A resource, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, id: &Q) -> Option<&mut T>
    where
        I: Borrow<Q>,
    {
        if let Some(restless) = &mut self.restless
            && let Some((id, _)) = self.items.get_key_value(id)
        {
            restless.insert(id.clone());
        }
        self.items.get_mut(id)
    }

    /// Settles everything that may not be settled, in the order of the ids; what is still restless then is looked at the next
    /// time, too. To settle anything else must change nothing.
    pub(super) fn settle(&mut self, settle: impl Fn(&mut T), is_restless: impl Fn(&T) -> bool) {
        let Some(restless) = &mut self.restless else {
            self.items.values_mut().for_each(settle);
            self.restless = Some(self.items.iter().filter(|(_, item)| is_restless(item)).map(|(id, _)| id.clone()).collect());
            return;
        };
        restless.retain(|id| match self.items.get_mut(id) {
            None => false,
            Some(item) => {
                settle(item);
                is_restless(item)
            }
        });
    }

    /// Takes away those that are so, in the order of the ids. Only what is restless is asked.
    pub(super) fn extract(&mut self, is_so: impl Fn(&T) -> bool) -> Vec<T> {
        let found: Vec<I> = match &self.restless {
            None => self.items.iter().filter(|(_, item)| is_so(item)).map(|(id, _)| id.clone()).collect(),
            Some(restless) => restless.iter().filter(|id| self.items.get(*id).is_some_and(&is_so)).cloned().collect(),
        };
        found.iter().filter_map(|id| self.remove(id)).collect()
    }
}

impl<I: AsRef<str>, T> Held<I, T> {
    /// The places in listings of what is there.
    pub(crate) fn places(&self, seed: u64) -> Cow<'_, Places> {
        let places = self.places.get_or_init(|| Places::of(seed, self.items.keys()));
        // A world gets another seed only by hand.
        if places.seed == seed { Cow::Borrowed(places) } else { Cow::Owned(Places::of(seed, self.items.keys())) }
    }
}

/// The places of resources in listings: see [`order`].
#[derive(Debug, Clone)]
pub(crate) struct Places {
    seed: u64,
    /// In the order of the ids.
    by_id: Vec<u64>,
    sorted: Vec<u64>,
}

impl Places {
    fn of(seed: u64, ids: impl Iterator<Item = impl AsRef<str>>) -> Self {
        let by_id: Vec<u64> = ids.map(|id| order(seed, id.as_ref())).collect();
        let mut sorted = by_id.clone();
        sorted.sort_unstable();
        Self { seed, by_id, sorted }
    }

    /// The place of each resource, in the order of the ids.
    pub(crate) fn by_id(&self) -> impl Iterator<Item = u64> {
        self.by_id.iter().copied()
    }

    /// The place of the n-th resource beyond a place; `None` where there are fewer.
    pub(crate) fn nth_beyond(&self, place: Option<u64>, n: usize) -> Option<u64> {
        let before = place.map_or(0, |place| self.sorted.partition_point(|it| *it <= place));
        self.sorted.get(before..)?.get(n.checked_sub(1)?).copied()
    }
}

impl<I, T> Deref for Held<I, T> {
    type Target = BTreeMap<I, T>;

    fn deref(&self) -> &Self::Target {
        &self.items
    }
}

/// Whatever is changed this way, it may be anything.
impl<I, T> DerefMut for Held<I, T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.restless = None;
        self.places.take();
        &mut self.items
    }
}

impl<I, T> Default for Held<I, T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<I: PartialEq, T: PartialEq> PartialEq for Held<I, T> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl<I: fmt::Debug, T: fmt::Debug> fmt::Debug for Held<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(f)
    }
}

impl<'h, I, T> IntoIterator for &'h Held<I, T> {
    type Item = (&'h I, &'h T);
    type IntoIter = btree_map::Iter<'h, I, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}
