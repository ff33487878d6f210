//! What the engine's threads have to say, kept until somebody takes it.
//!
//! Bounded in number and in rate, so that a fault which repeats with every packet neither fills the
//! memory nor the operator's disk.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use log::{Level, LevelFilter, Log, Metadata, Record};
use roomline_driver::Signal;

/// Records of one level that wait at most.
const CAPACITY: usize = 256;
/// Records of one level kept in one second: much talk about little leaves the room for errors.
const PER_SECOND: u32 = 20;
/// From errors to traces.
const LEVELS: usize = Level::Trace as usize;
const SECOND: Duration = Duration::from_secs(1);

static LOGS: OnceLock<Logs> = OnceLock::new();

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// How bad it is.
    pub level: Level,
    /// The module that says it, for example `roomline_front::door`.
    pub target: String,
    /// In words.
    pub message: String,
}

/// The records of every engine of this process.
pub struct Logs {
    queue: Mutex<Queue>,
    signal: Signal,
}

struct Queue {
    records: VecDeque<LogRecord>,
    since: Instant,
    budgets: [Budget; LEVELS],
}

/// What was made of the records of one level.
#[derive(Clone, Copy, Default)]
struct Budget {
    /// In this second.
    kept: u32,
    /// Until somebody takes them.
    waiting: usize,
    /// Since the last that was kept.
    suppressed: u64,
}

impl Logs {
    /// Begins to keep records, those of `level` and worse. Later calls change the level.
    ///
    /// # Errors
    /// When no file descriptor is left. When another logger is in place already, records go there,
    /// and none is kept here.
    pub fn start(level: LevelFilter) -> io::Result<&'static Logs> {
        if LOGS.get().is_none() {
            let fresh = Logs::new()?;
            let logs = LOGS.get_or_init(|| fresh);
            if log::set_logger(logs).is_err() {
                return Ok(logs);
            }
        }
        log::set_max_level(level);
        LOGS.get().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn new() -> io::Result<Self> {
        let budgets = [Budget::default(); LEVELS];
        let queue = Queue { records: VecDeque::new(), since: Instant::now(), budgets };
        Ok(Self { queue: Mutex::new(queue), signal: Signal::new()? })
    }

    /// A descriptor that is readable while records wait.
    pub fn fd(&self) -> RawFd {
        self.signal.as_raw_fd()
    }

    /// Takes what waits.
    pub fn take(&self) -> Vec<LogRecord> {
        self.signal.clear();
        let mut queue = self.queue();
        queue.budgets.iter_mut().for_each(|budget| budget.waiting = 0);
        queue.records.drain(..).collect()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, now: Instant, record: &Record<'_>) {
        {
            let mut queue = self.queue();
            let level = record.level();
            let Some(suppressed) = queue.admit(now, level) else { return };
            if suppressed > 0 {
                let message = format!("{suppressed} more records of this level were too many");
                let target = module_path!().to_owned();
                queue.records.push_back(LogRecord { level, target, message });
            }
            queue.records.push_back(LogRecord {
                level,
                target: record.target().to_owned(),
                message: record.args().to_string(),
            });
        }
        self.signal.notify();
    }
}

impl Queue {
    /// If one more of a level is within the bounds: how many before it were not.
    fn admit(&mut self, now: Instant, level: Level) -> Option<u64> {
        if now.saturating_duration_since(self.since) >= SECOND {
            self.since = now;
            self.budgets.iter_mut().for_each(|budget| budget.kept = 0);
        }
        let budget = &mut self.budgets[level as usize - 1];
        if budget.kept == PER_SECOND || budget.waiting >= CAPACITY {
            budget.suppressed += 1;
            return None;
        }
        budget.kept += 1;
        budget.waiting += 1;
        Some(std::mem::take(&mut budget.suppressed))
    }
}

impl Log for Logs {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries name clients and what they send.
        metadata.target().starts_with("roomline")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.keep(Instant::now(), record);
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(logs: &Logs, now: Instant, target: &str, message: &str) {
        say_at(Level::Error, logs, now, target, message);
    }

    fn say_at(level: Level, logs: &Logs, now: Instant, target: &str, message: &str) {
        let metadata = Metadata::builder().level(level).target(target).build();
        if logs.enabled(&metadata) {
            let mut builder = Record::builder();
            builder.metadata(metadata);
            logs.keep(now, &builder.args(format_args!("{message}")).build());
        }
    }

    fn messages(logs: &Logs) -> Vec<String> {
        logs.take().into_iter().map(|record| record.message).collect()
    }

    #[test]
    fn ours_are_kept_until_they_are_taken() {
        let logs = Logs::new().unwrap();
        let now = Instant::now();
        say(&logs, now, "roomline_front::door", "one");
        say(&logs, now, "somebody_else", "two");
        let target = "roomline_front::door".to_owned();
        let one = LogRecord { level: Level::Error, target, message: "one".to_owned() };
        assert_eq!(logs.take(), [one]);
        assert!(logs.take().is_empty());
    }

    #[test]
    fn a_flood_is_cut_short_and_counted() {
        let logs = Logs::new().unwrap();
        let mut now = Instant::now();
        for _ in 0..1000 {
            say(&logs, now, "roomline", "again");
        }
        assert_eq!(messages(&logs), vec!["again"; 20]);
        now += SECOND;
        say(&logs, now, "roomline", "later");
        assert_eq!(messages(&logs), ["980 more records of this level were too many", "later"]);
    }

    #[test]
    fn a_flood_of_one_level_leaves_room_for_the_others() {
        let logs = Logs::new().unwrap();
        let mut now = Instant::now();
        for _ in 0..100 {
            now += SECOND;
            (0..100).for_each(|_| say_at(Level::Debug, &logs, now, "roomline", "chatter"));
        }
        say(&logs, now, "roomline", "what matters");
        let taken = logs.take();
        let errors = taken.iter().filter(|record| record.level == Level::Error);
        assert_eq!(errors.count(), 1);
        assert_eq!(taken.last().map(|record| record.message.as_str()), Some("what matters"));
    }

    #[test]
    fn what_nobody_takes_is_bounded() {
        let logs = Logs::new().unwrap();
        let mut now = Instant::now();
        for _ in 0..100 {
            now += SECOND;
            (0..PER_SECOND).for_each(|_| say(&logs, now, "roomline", "slowly"));
        }
        assert_eq!(logs.take().len(), CAPACITY);
    }
}
