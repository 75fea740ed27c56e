//! Things whose service marks each of their states (a lock token, an ETag): where a list shows the mark of the last read, that read
//! still holds and is not made again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What was read last of each thing, by id, with the mark of that state.
pub struct Marked<T>(Mutex<HashMap<String, Read<T>>>);

struct Read<T> {
    at: Instant,
    mark: String,
    thing: T,
}

/// For how long a read is believed at the most: what AWS itself adds to a thing may come without another mark.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

impl<T> Default for Marked<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Marked<T> {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Read<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thing in the state of this mark; None: it is to be read.
    pub fn get(&self, id: &str, mark: Option<&str>, now: Instant) -> Option<T> {
        let all = self.all();
        let read = all.get(id).filter(|read| Some(&*read.mark) == mark && now.duration_since(read.at) < BELIEVED)?;
        Some(read.thing.clone())
    }

    /// To be called with what a read of the thing alone answered.
    pub fn keep(&self, id: &str, mark: String, thing: &T, now: Instant) {
        self.all().insert(id.to_owned(), Read { at: now, mark, thing: thing.clone() });
    }

    /// Forgets all things but these.
    pub fn retain<'a>(&self, ids: impl Iterator<Item = &'a str> + Clone) {
        self.all().retain(|known, _| ids.clone().any(|id| id == known));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_holds_as_long_as_the_mark_and_no_longer_than_an_hour() {
        let (marked, now) = (Marked::default(), Instant::now());
        marked.keep("a", "1".to_owned(), &"seen", now);
        assert_eq!(marked.get("a", Some("1"), now), Some("seen"));
        assert_eq!(marked.get("a", Some("2"), now), None);
        assert_eq!(marked.get("a", None, now), None);
        assert_eq!(marked.get("b", Some("1"), now), None);
        assert_eq!(marked.get("a", Some("1"), now + Duration::from_secs(60 * 60)), None);
    }

    #[test]
    fn what_is_not_listed_any_more_is_forgotten() {
        let (marked, now) = (Marked::default(), Instant::now());
        marked.keep("a", "1".to_owned(), &(), now);
        marked.keep("b", "1".to_owned(), &(), now);
        marked.retain(["b"].into_iter());
        assert!(marked.get("a", Some("1"), now).is_none() && marked.get("b", Some("1"), now).is_some());
    }
}
