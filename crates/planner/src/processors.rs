//! Work that is spread over all processors, where there is enough of it.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

/// Of what takes microseconds, as many as make up for starting a thread.
pub(crate) const MANY: usize = 4096;

/// What comes of each, in their order: none depends on what comes of another. A processor gets so many at least.
pub(crate) fn on_all_processors<T: Sync, R: Send>(items: &[T], at_least: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    // To know how many processors there are takes longer than most of the work: files are read for it.
    let processors = if items.len() > at_least { thread::available_parallelism().map_or(1, NonZero::get) } else { 1 };
    let share = items.len().div_ceil(processors).max(at_least);
    if items.len() <= share {
        return items.iter().map(work).collect();
    }
    let work_on = |share: &[T]| share.iter().map(&work).collect::<Vec<_>>();
    thread::scope(|scope| {
        // Where no more threads are to be had, it is done here.
        let begun: Vec<_> = items
            .chunks(share)
            .map(|share| thread::Builder::new().spawn_scoped(scope, move || work_on(share)).map_err(|_| share))
            .collect();
        let done = begun.into_iter().flat_map(|begun| match begun {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(share) => work_on(share),
        });
        done.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_of_each_is_in_their_order_however_many_there_are() {
        for count in [0, 1, 2, 7, 1_000] {
            let numbers: Vec<usize> = (0..count).collect();
            for at_least in [0, 1, 3, 5_000] {
                assert_eq!(
                    on_all_processors(&numbers, at_least, |number| number * 2),
                    numbers.iter().map(|number| number * 2).collect::<Vec<_>>()
                );
            }
        }
    }

    #[test]
    #[should_panic(expected = "of one of them")]
    fn a_panic_is_not_lost() {
        on_all_processors(&[1, 2], 1, |number| assert!(*number != 2, "of one of them"));
    }
}
