//! A TURN connection over TCP or TLS, owned by the media worker.
//!
//! What is written to it stays real-time: the kernel holds at most [`NOT_SENT_LOW_WATER`] bytes that
//! it has not sent yet, the rest waits here, and media that has waited too long is dropped whole
//! before it is encrypted. Media in TCP that comes late is worth nothing and delays what comes after.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use rustls::ServerConnection;

use crate::pending::{Pending, write_tls};

/// Bytes the kernel may hold unsent (`TCP_NOTSENT_LOWAT`).
const NOT_SENT_LOW_WATER: libc::c_int = 16 * 1024;
/// Media older than this is dropped before it is written.
const STALE_AFTER: Duration = Duration::from_millis(150);
/// Bytes that may wait; beyond this droppable messages are refused, and others end the connection.
const QUEUE_LIMIT: usize = 1024 * 1024;
/// The most that goes into one TLS record (RFC 8446 section 5.1).
const RECORD: usize = 16 * 1024;
/// Bytes after which one turn of reading ends: then others have theirs.
const READ_BUDGET: usize = 64 * 1024;

/// Whether more may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// The connection is open and nothing more is there now.
    Open,
    /// The turn has ended and more may be there: no readiness event will tell, so read again.
    More,
    /// The peer has ended it; bytes before the end have been delivered.
    Closed,
}

/// One TCP or TLS connection that carries STUN and ChannelData (RFC 8656 section 12.5).
pub struct TurnConnection {
    tcp: TcpStream,
    tls: Option<ServerConnection>,
    local: SocketAddr,
    remote: SocketAddr,
    /// Read before the handover, not yet given out.
    first: Vec<u8>,
    queue: Queue,
    /// Bytes of a plain connection that the kernel did not take, from `written` on.
    record: Vec<u8>,
    written: usize,
    overflowed: bool,
}

/// Messages that wait, in one buffer whose capacity is kept.
#[derive(Default)]
struct Queue {
    bytes: VecDeque<u8>,
    messages: VecDeque<Waiting>,
    dropped: u64,
}

struct Waiting {
    length: usize,
    droppable: bool,
    since: Instant,
}

impl TurnConnection {
    pub(crate) fn new(pending: Pending) -> io::Result<Self> {
        let Pending { tcp, tls, client, server, first } = pending;
        limit_unsent(&tcp)?;
        Ok(Self {
            tcp,
            tls,
            local: server,
            remote: client,
            first,
            queue: Queue::default(),
            record: Vec::new(),
            written: 0,
            overflowed: false,
        })
    }

    /// Whether TLS protects it.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The server's address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The client's address.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// The socket, for registration with a poll.
    pub fn source(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    /// Append the plain bytes that are there now, first those read before the handover. A turn ends
    /// after about 64 KiB, however fast the peer sends.
    ///
    /// # Errors
    /// The connection is broken, or what came is not TLS.
    pub fn read(&mut self, into: &mut Vec<u8>) -> io::Result<ReadOutcome> {
        into.append(&mut self.first);
        match self.tls.as_mut() {
            Some(tls) => read_tls(tls, &mut self.tcp, into),
            None => read_plain(&mut self.tcp, into),
        }
    }

    /// Put one framed message behind those that wait. `flush` writes it.
    pub fn queue(&mut self, message: &[u8], droppable: bool, now: Instant) {
        if !self.queue.has_room(message.len()) {
            // The socket has taken nothing for a while, and most of what waits is stale.
            self.queue.drop_stale(now);
        }
        if self.queue.has_room(message.len()) {
            self.queue.push(message, droppable, now);
        } else if droppable {
            self.queue.dropped += 1;
        } else {
            self.overflowed = true;
        }
    }

    /// Write what waits until the socket would block; stale media is dropped on the way.
    ///
    /// # Errors
    /// The connection is broken, or the peer reads so little that control messages pile up.
    pub fn flush(&mut self, now: Instant) -> io::Result<()> {
        if self.overflowed {
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, "the peer does not read"));
        }
        loop {
            if !self.write_record()? {
                return Ok(());
            }
            if !self.queue.take_record(now, &mut self.record) {
                return Ok(());
            }
            if let Some(tls) = self.tls.as_mut() {
                tls.writer().write_all(&self.record)?;
                self.record.clear();
            }
        }
    }

    /// True while bytes wait for the socket to become writable.
    pub fn wants_write(&self) -> bool {
        !self.queue.messages.is_empty()
            || self.written < self.record.len()
            || self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Messages dropped because they waited too long, or because too much waited.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped
    }

    /// True when nothing of the record before is left to write.
    fn write_record(&mut self) -> io::Result<bool> {
        if let Some(tls) = self.tls.as_mut() {
            write_tls(tls, &mut self.tcp)?;
            return Ok(!tls.wants_write());
        }
        while self.written < self.record.len() {
            match self.tcp.write(&self.record[self.written..]) {
                Ok(n) => self.written += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.record.clear();
        self.written = 0;
        Ok(true)
    }
}

impl Waiting {
    fn is_stale(&self, now: Instant) -> bool {
        self.droppable && now.saturating_duration_since(self.since) > STALE_AFTER
    }
}

impl Queue {
    fn push(&mut self, message: &[u8], droppable: bool, since: Instant) {
        self.bytes.extend(message);
        self.messages.push_back(Waiting { length: message.len(), droppable, since });
    }

    fn has_room(&self, length: usize) -> bool {
        self.bytes.len() + length <= QUEUE_LIMIT
    }

    /// Drop every stale message, wherever it waits.
    fn drop_stale(&mut self, now: Instant) {
        let mut kept = Vec::with_capacity(self.bytes.len());
        let (bytes, dropped) = (&mut self.bytes, &mut self.dropped);
        self.messages.retain(|message| {
            let stale = message.is_stale(now);
            if stale {
                bytes.drain(..message.length);
                *dropped += 1;
            } else {
                take_front(bytes, message.length, &mut kept);
            }
            !stale
        });
        self.bytes = kept.into();
    }

    /// Move whole messages into `record`, as many as fit. False when none waits.
    fn take_record(&mut self, now: Instant, record: &mut Vec<u8>) -> bool {
        while let Some(next) = self.messages.front() {
            if next.is_stale(now) {
                self.bytes.drain(..next.length);
                self.dropped += 1;
            } else if record.is_empty() || record.len() + next.length <= RECORD {
                take_front(&mut self.bytes, next.length, record);
            } else {
                break;
            }
            self.messages.pop_front();
        }
        !record.is_empty()
    }
}

/// Moves the first bytes behind those in `into`. Two copies: an iterator over a `VecDeque` goes byte by
/// byte, which took two fifths of a media thread's time with a hundred viewers over TLS.
fn take_front(bytes: &mut VecDeque<u8>, length: usize, into: &mut Vec<u8>) {
    let (first, second) = bytes.as_slices();
    let here = length.min(first.len());
    into.extend_from_slice(&first[..here]);
    into.extend_from_slice(&second[..length - here]);
    bytes.drain(..length);
}

fn read_plain(tcp: &mut TcpStream, into: &mut Vec<u8>) -> io::Result<ReadOutcome> {
    let mut buffer = [0; RECORD];
    let end = into.len() + READ_BUDGET;
    while into.len() < end {
        match tcp.read(&mut buffer) {
            Ok(0) => return Ok(ReadOutcome::Closed),
            Ok(n) => into.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(ReadOutcome::Open),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(ReadOutcome::More)
}

fn read_tls(
    tls: &mut ServerConnection,
    tcp: &mut TcpStream,
    into: &mut Vec<u8>,
) -> io::Result<ReadOutcome> {
    // Counted in bytes of the socket: records may be empty.
    let mut left = READ_BUDGET;
    while left > 0 {
        let outcome = match tls.read_tls(tcp) {
            Ok(0) => Some(ReadOutcome::Closed),
            Ok(n) => {
                left = left.saturating_sub(n);
                None
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Some(ReadOutcome::Open),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => None,
            Err(e) => return Err(e),
        };
        let state =
            tls.process_new_packets().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        let start = into.len();
        into.resize(start + state.plaintext_bytes_to_read(), 0);
        tls.reader().read_exact(&mut into[start..])?;
        if state.peer_has_closed() {
            return Ok(ReadOutcome::Closed);
        }
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
    }
    Ok(ReadOutcome::More)
}

fn limit_unsent(tcp: &TcpStream) -> io::Result<()> {
    let value = NOT_SENT_LOW_WATER;
    // SAFETY: the descriptor is open for as long as `tcp` is borrowed, and the option's value is a
    // c_int of which the right size is passed.
    let result = unsafe {
        libc::setsockopt(
            tcp.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NOTSENT_LOWAT,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        // The one real clock reading of these tests: a start to count from.
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        *START + Duration::from_millis(milliseconds)
    }

    #[test]
    fn messages_are_never_split_over_the_limit() {
        let mut queue = Queue::default();
        for _ in 0..20 {
            queue.push(&[7; 1000], true, at(0));
        }
        let mut record = Vec::new();
        assert!(queue.take_record(at(1), &mut record));
        assert_eq!(record.len(), 16_000);
        record.clear();
        assert!(queue.take_record(at(1), &mut record));
        assert_eq!(record.len(), 4_000);
        record.clear();
        assert!(!queue.take_record(at(1), &mut record));
    }

    #[test]
    fn messages_come_out_whole_where_the_buffer_wraps() {
        let mut queue = Queue::default();
        let (mut sent, mut got, mut record) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..200_u8 {
            let message = vec![number; 700 + usize::from(number) * 5];
            sent.extend_from_slice(&message);
            queue.push(&message, true, at(0));
            // Something stays in the buffer each time, so that it wraps at every place.
            if number % 3 != 0 {
                assert!(queue.take_record(at(1), &mut record));
                got.append(&mut record);
            }
            queue.push(b"left", true, at(0));
            sent.extend_from_slice(b"left");
        }
        while queue.take_record(at(1), &mut record) {
            got.append(&mut record);
        }
        assert!(got == sent);
        assert!(queue.bytes.is_empty());
    }

    #[test]
    fn stale_media_goes_and_control_stays() {
        let mut queue = Queue::default();
        queue.push(b"old video", true, at(0));
        queue.push(b"control", false, at(0));
        queue.push(b"new video", true, at(100));
        let mut record = Vec::new();
        assert!(queue.take_record(at(200), &mut record));
        assert_eq!(record, b"controlnew video");
        assert_eq!(queue.dropped, 1);
    }

    #[test]
    fn a_full_queue_makes_room_by_what_is_stale() {
        let mut queue = Queue::default();
        queue.push(b"control", false, at(0));
        while queue.has_room(1000) {
            queue.push(&[7; 1000], true, at(0));
        }
        queue.push(b"fresh", true, at(100));
        let stale = queue.messages.len() as u64 - 2;
        queue.drop_stale(at(200));
        assert_eq!((queue.dropped, queue.messages.len()), (stale, 2));
        let mut record = Vec::new();
        assert!(queue.take_record(at(200), &mut record));
        assert_eq!(record, b"controlfresh");
    }
}
