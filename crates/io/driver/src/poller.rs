//! Waits for sockets, timers and other threads.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::socket::UdpSocket;

/// Tokens told at once.
const CAPACITY: usize = 256;

/// What a token is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// As registered.
    pub token: Token,
    /// Reading will give something, or the end.
    pub readable: bool,
    /// Writing will take something.
    pub writable: bool,
}

/// An edge-triggered epoll instance: readiness is told once, then the owner must use it up.
pub struct Poller {
    poll: Poll,
    events: Events,
}

impl Poller {
    /// Makes an empty one.
    ///
    /// # Errors
    /// When no file descriptor is left.
    pub fn new() -> io::Result<Self> {
        Ok(Self { poll: Poll::new()?, events: Events::with_capacity(CAPACITY) })
    }

    /// Lets waits of the calling thread end when they should: by default the system adds up to 50 µs.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn be_punctual() -> io::Result<()> {
        // SAFETY: this option takes one number, the slack in nanoseconds.
        match unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_000 as libc::c_ulong) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// A handle with which other threads end a wait.
    ///
    /// # Errors
    /// When no file descriptor is left.
    pub fn waker(&self, token: Token) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), token)
    }

    /// Tells when a socket becomes readable. It stops by itself when the socket is closed.
    ///
    /// # Errors
    /// When the system refuses, for example for want of memory.
    pub fn add_socket(&self, socket: &UdpSocket, token: Token) -> io::Result<()> {
        let fd = socket.as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&fd), token, Interest::READABLE)
    }

    /// Tells when a connection becomes readable or writable.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn add_connection(&self, source: &mut impl Source, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(source, token, interest)
    }

    /// Waits until [`wait`](Self::wait) would tell of something, but not for longer than this, to the
    /// microsecond. False if nothing came.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&self, longest: Duration) -> io::Result<bool> {
        let mut fd = libc::pollfd { fd: self.poll.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let longest = libc::timespec {
            tv_sec: libc::time_t::try_from(longest.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(longest.subsec_nanos() as i32),
        };
        // SAFETY: both pointers are to live values, and 1 is how many descriptors there are.
        let ready = unsafe { libc::ppoll(&raw mut fd, 1, &raw const longest, std::ptr::null()) };
        match ready {
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted { Ok(false) } else { Err(error) }
            }
            ready => Ok(ready > 0),
        }
    }

    /// Waits until something is ready or the time is over (never, without one), and calls `ready`
    /// for each. False if there may be more than could be told at once.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
        mut ready: impl FnMut(Readiness),
    ) -> io::Result<bool> {
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            Err(error) => return Err(error),
        }
        let mut told = 0;
        for event in &self.events {
            told += 1;
            ready(Readiness {
                token: event.token(),
                readable: event.is_readable() || event.is_read_closed() || event.is_error(),
                writable: event.is_writable() || event.is_write_closed(),
            });
        }
        Ok(told < CAPACITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_with_news_or_its_time() {
        let poller = Poller::new().unwrap();
        Poller::be_punctual().unwrap();
        assert!(!poller.pause(Duration::from_micros(50)).unwrap());
        let waker = poller.waker(Token(0)).unwrap();
        waker.wake().unwrap();
        assert!(poller.pause(Duration::from_secs(60)).unwrap());
    }
}
