//! Figures on their way out of a media thread.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Name, label and value of a counter or gauge; the label is empty where there is none.
pub type Metric = (&'static str, &'static str, u64);

/// How long a reader waits for fresh figures. A tick takes far less.
const PATIENCE: Duration = Duration::from_millis(100);

/// All figures at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) counters: Vec<Metric>,
    pub(crate) gauges: Vec<Metric>,
}

/// Where a media thread leaves its figures when asked.
#[derive(Default)]
pub(crate) struct Metrics {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    figures: Figures,
    version: u64,
}

impl Metrics {
    /// Asks by calling `ask`, and waits for the answer. Gives older figures when it does not come.
    pub(crate) fn fetch(&self, ask: impl FnOnce()) -> Figures {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = state.version;
        ask();
        let waited = self
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.version == seen)
            .unwrap_or_else(PoisonError::into_inner);
        waited.0.figures.clone()
    }

    /// Answers whoever asked.
    pub(crate) fn publish(&self, figures: Figures) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.figures = figures;
        state.version += 1;
        self.changed.notify_all();
    }
}
