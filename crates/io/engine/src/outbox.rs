//! Events on their way to Python.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use roomline_driver::Signal;
use roomline_front::HttpConnection;
use roomline_sfu::Event;

use crate::error::Stopped;

/// Events beyond which statistics are not queued any more: Python stands still, and new ones will
/// replace them.
const CROWDED: usize = 65_536;

/// What the engine tells.
#[derive(Debug)]
pub enum EngineEvent {
    /// A fact of a shard.
    Shard(Event),
    /// An HTTP connection came in.
    Http(HttpConnection),
}

/// A queue that every thread of the engine puts events into, and a descriptor that is readable
/// while there are some.
pub(crate) struct Outbox {
    events: Mutex<Vec<EngineEvent>>,
    signal: Signal,
    lost: AtomicU64,
    stopped: AtomicBool,
}

impl Outbox {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            events: Mutex::new(Vec::new()),
            signal: Signal::new()?,
            lost: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        })
    }

    /// Moves all of `new` into the queue. One lock and one signal per tick, not per event.
    pub(crate) fn push_all(&self, new: &mut Vec<EngineEvent>) {
        if new.is_empty() {
            return;
        }
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() > CROWDED {
            let before = new.len();
            new.retain(|e| !matches!(e, EngineEvent::Shard(Event::TransportStats { .. })));
            self.lost.fetch_add((before - new.len()) as u64, Ordering::Relaxed);
        }
        events.append(new);
        drop(events);
        self.signal.notify();
    }

    /// Takes every event. After them, tells once for all if a thread ended by a fault.
    pub(crate) fn take(&self) -> Result<Vec<EngineEvent>, Stopped> {
        self.signal.clear();
        let events =
            std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        if events.is_empty() && self.stopped.load(Ordering::Acquire) {
            return Err(Stopped);
        }
        if self.stopped.load(Ordering::Acquire) {
            self.signal.notify();
        }
        Ok(events)
    }

    /// A media thread ended by a fault: no event will come any more.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.signal.notify();
    }

    /// Statistics that were not queued.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.signal.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roomline_sfu::{RequestId, Stats, TransportId};

    fn done() -> EngineEvent {
        EngineEvent::Shard(Event::Done { request: RequestId(1) })
    }

    #[test]
    fn statistics_are_lost_first() {
        let outbox = Outbox::new().unwrap();
        let mut many = (0..=CROWDED).map(|_| done()).collect();
        outbox.push_all(&mut many);
        let stats = Event::TransportStats { transport: TransportId(1), stats: Stats::default() };
        outbox.push_all(&mut vec![EngineEvent::Shard(stats), done()]);
        assert_eq!((outbox.take().unwrap().len(), outbox.lost()), (CROWDED + 2, 1));
        assert!(outbox.take().unwrap().is_empty());
    }

    #[test]
    fn a_fault_is_told_after_the_events() {
        let outbox = Outbox::new().unwrap();
        outbox.push_all(&mut vec![done()]);
        outbox.stop();
        assert_eq!(outbox.take().unwrap().len(), 1);
        assert_eq!(outbox.take().unwrap_err(), Stopped);
    }
}
