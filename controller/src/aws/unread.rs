//! A part of a wish that no read answers.

/// What is wanted and cannot be read back, or never changes: equal to whatever is there, and kept out of what is shown.
#[derive(Clone, Debug)]
pub struct Unread<T>(Option<T>);

impl<T> Unread<T> {
    pub fn of(value: T) -> Self {
        Self(Some(value))
    }

    /// None in what was seen.
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T> Default for Unread<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> PartialEq for Unread<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
