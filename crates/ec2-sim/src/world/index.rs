//! Where things are to be found among many: worked out when it is asked for, and forgotten when what there is changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::id::order;

/// Of what is held by ids of one kind.
#[derive(Debug)]
pub(super) struct Index<I> {
    known: Mutex<Known<I>>,
}

#[derive(Debug)]
struct Known<I> {
    places: Option<(u64, Arc<Places<I>>)>,
    values: BTreeMap<String, Arc<Values<I>>>,
}

/// All ids, by their places in listings: see [`order`].
pub(super) type Places<I> = Vec<(u64, I)>;

/// The ids of what has a value, by the values.
pub(super) type Values<I> = BTreeMap<String, Vec<I>>;

impl<I> Index<I> {
    pub(super) const fn new() -> Self {
        Self { known: Mutex::new(Known { places: None, values: BTreeMap::new() }) }
    }

    /// Forgets everything: whatever is there may be another.
    pub(super) fn forget(&mut self) {
        *self = Self::new();
    }

    /// Forgets the places: one is there no more. That it had a value is known on, and harms nobody.
    pub(super) fn forget_places(&mut self) {
        self.known.get_mut().unwrap_or_else(PoisonError::into_inner).places = None;
    }

    /// Forgets who has which values: the same ones are there, and one may have others.
    pub(super) fn forget_values(&mut self) {
        self.known.get_mut().unwrap_or_else(PoisonError::into_inner).values.clear();
    }
}

impl<I: Ord + Clone + AsRef<str>> Index<I> {
    pub(super) fn places<'i>(&self, seed: u64, ids: impl Iterator<Item = &'i I>) -> Arc<Places<I>>
    where
        I: 'i,
    {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match &known.places {
            Some((of, places)) if *of == seed => Arc::clone(places),
            _ => {
                let mut places: Places<I> = ids.map(|id| (order(seed, id.as_ref()), id.clone())).collect();
                places.sort_unstable();
                let places = Arc::new(places);
                known.places = Some((seed, Arc::clone(&places)));
                places
            }
        }
    }

    /// Who has which values of those that go by a name.
    pub(super) fn values<'i, T: 'i>(
        &self,
        name: &str,
        items: impl Iterator<Item = (&'i I, &'i T)>,
        of: impl Fn(&T) -> Vec<String>,
    ) -> Arc<Values<I>>
    where
        I: 'i,
    {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(values) = known.values.get(name) {
            return Arc::clone(values);
        }
        let mut values = Values::new();
        for (id, item) in items {
            for value in of(item) {
                values.entry(value).or_default().push(id.clone());
            }
        }
        let values = Arc::new(values);
        known.values.insert(name.to_owned(), Arc::clone(&values));
        values
    }
}

/// A copy works out its own.
impl<I> Clone for Index<I> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<I> Default for Index<I> {
    fn default() -> Self {
        Self::new()
    }
}
