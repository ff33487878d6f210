//! Carrying the plain bytes of an HTTPS connection to and from a socket pair.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

use mio::net::{TcpStream, UnixStream};
use rustls::ServerConnection;

use crate::pending::{Pending, write_tls};

const CHUNK: usize = 16 * 1024;
/// Turns of the pump before other connections get theirs.
const BUDGET: usize = 32;

/// One HTTPS connection.
pub(crate) struct Http {
    pub(crate) tcp: TcpStream,
    pub(crate) app: UnixStream,
    tls: ServerConnection,
    /// Plain bytes the application has not taken yet, from `taken` on.
    to_app: Vec<u8>,
    taken: usize,
    client_done: bool,
    /// The application knows that the client is done.
    app_told: bool,
    app_done: bool,
    /// The application closed its end with bytes unread; what it wrote before is still to come.
    app_reset: bool,
    /// The application has answered something.
    pub(crate) answered: bool,
}

/// What a turn of the pump came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pumped {
    /// Both sides would block.
    Wait,
    /// There is more to do at once.
    Again,
    /// Both sides have ended, or one of them failed.
    Finished,
}

impl Http {
    /// Take over a connection that has shown to be HTTP. The descriptor returned is the
    /// application's end.
    pub(crate) fn new(pending: Pending) -> io::Result<(Self, OwnedFd)> {
        let Pending { tcp, tls: Some(tls), first, .. } = pending else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "HTTP needs TLS"));
        };
        let (app, other) = UnixStream::pair()?;
        // SAFETY: `into_raw_fd` gives up the only owner of the descriptor.
        let other = unsafe { OwnedFd::from_raw_fd(other.into_raw_fd()) };
        let http = Self {
            tcp,
            app,
            tls,
            to_app: first,
            taken: 0,
            client_done: false,
            app_told: false,
            app_done: false,
            app_reset: false,
            answered: false,
        };
        Ok((http, other))
    }

    /// Move bytes both ways until both sides would block.
    pub(crate) fn pump(&mut self) -> Pumped {
        for _ in 0..BUDGET {
            match self.step() {
                Ok(true) => {}
                Ok(false) if self.app_done && !self.tls.wants_write() => return Pumped::Finished,
                Ok(false) => return Pumped::Wait,
                Err(_) => return Pumped::Finished,
            }
        }
        Pumped::Again
    }

    /// One step in each direction. True if anything moved.
    fn step(&mut self) -> io::Result<bool> {
        let mut moved = self.write_app()?;
        if self.taken == self.to_app.len() && !self.client_done {
            moved |= self.read_client()?;
        }
        let before = self.tls.wants_write();
        write_tls(&mut self.tls, &mut self.tcp)?;
        moved |= before && !self.tls.wants_write();
        if !self.tls.wants_write() && !self.app_done {
            moved |= self.read_app()?;
        }
        Ok(moved)
    }

    fn write_app(&mut self) -> io::Result<bool> {
        let mut moved = false;
        while self.taken < self.to_app.len() {
            match self.app.write(&self.to_app[self.taken..]) {
                Ok(n) => {
                    self.taken += n;
                    moved = true;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(moved),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if is_reset(&e) => self.app_deaf(),
                Err(e) => return Err(e),
            }
        }
        self.to_app.clear();
        self.taken = 0;
        if self.client_done && !self.app_told {
            self.app_told = true;
            // A half-closed client may still wait for its answer. An application that has closed
            // needs not be told.
            match self.app.shutdown(Shutdown::Write) {
                Err(e) if e.kind() != io::ErrorKind::NotConnected => return Err(e),
                _ => {}
            }
        }
        Ok(moved)
    }

    /// The application reads no more: drop what was meant for it, and go on with what it wrote.
    fn app_deaf(&mut self) {
        self.taken = self.to_app.len();
        self.client_done = true;
        self.app_told = true;
    }

    fn read_client(&mut self) -> io::Result<bool> {
        let read = match self.tls.read_tls(&mut self.tcp) {
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(e) => return Err(e),
        };
        let state = self
            .tls
            .process_new_packets()
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        let waiting = state.plaintext_bytes_to_read();
        if waiting > 0 {
            self.to_app.resize(waiting, 0);
            self.tls.reader().read_exact(&mut self.to_app)?;
        }
        self.client_done = read == 0 || state.peer_has_closed();
        self.write_app()?;
        Ok(true)
    }

    fn read_app(&mut self) -> io::Result<bool> {
        let mut chunk = [0; CHUNK];
        match self.app.read(&mut chunk) {
            Ok(0) => {
                self.app_done = true;
                self.tls.send_close_notify();
            }
            Ok(n) => {
                self.answered = true;
                self.tls.writer().write_all(&chunk[..n])?;
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            // The system reports this before it gives what was written.
            Err(e) if is_reset(&e) && !self.app_reset => {
                self.app_reset = true;
                self.app_deaf();
            }
            Err(e) => return Err(e),
        }
        write_tls(&mut self.tls, &mut self.tcp)?;
        Ok(true)
    }
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}
