//! A panic of the library that reads workbooks is a file that cannot be read, and is told as that. What Rust says of
//! it on stderr besides, with a backtrace, is nothing for whoever gave the file.

use std::cell::Cell;
use std::panic::{UnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread will be told as something else.
    static TOLD_OTHERWISE: Cell<bool> = const { Cell::new(false) };
}

/// What `work` makes; `None`, and nothing on stderr, where it panics.
pub(crate) fn caught<T>(work: impl FnOnce() -> T + UnwindSafe) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        // All other panics are told as they were before.
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !TOLD_OTHERWISE.get() {
                before(panic);
            }
        }));
    });
    let outer = TOLD_OTHERWISE.replace(true);
    let made = catch_unwind(work);
    TOLD_OTHERWISE.set(outer);
    made.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing_and_the_next_is_told_again() {
        assert_eq!(caught(|| 5), Some(5));
        assert_eq!(caught(|| -> u8 { panic!("a part that does not fit") }), None);
        assert!(!TOLD_OTHERWISE.get());
    }
}
