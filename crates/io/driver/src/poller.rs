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
