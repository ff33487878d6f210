//! A connection that has not yet shown what it is.

use std::io::{self, Read};
use std::net::SocketAddr;

use mio::net::TcpStream;
use rustls::ServerConnection;

use crate::sniff::{Sniff, sniff};

/// First bytes kept while sniffing; both protocols show themselves in far fewer.
const FIRST_BYTES: usize = 2048;

/// Accepted; in its TLS handshake or before its first bytes.
pub(crate) struct Pending {
    pub(crate) tcp: TcpStream,
    /// None on the plain TURN listener.
    pub(crate) tls: Option<ServerConnection>,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    /// Plain bytes read so far.
    pub(crate) first: Vec<u8>,
}

/// What became of a pending connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing to do until the socket is ready again.
    Wait,
    /// It speaks TURN.
    Turn,
    /// It speaks HTTP.
    Http,
    /// It speaks something else.
    Unknown,
    /// The peer closed or reset it.
    Closed,
    /// The TLS handshake or a record failed.
    BadTls,
}

impl Pending {
    /// Go on with the handshake and with reading until the socket would block or the connection
    /// has shown what it is.
    pub(crate) fn advance(&mut self) -> Progress {
        loop {
            let read = match self.read_some() {
                Ok(read) => read,
                Err(progress) => return progress,
            };
            match sniff(&self.first) {
                // HTTP is served with TLS only; the plain listener is for TURN.
                Sniff::Http if self.tls.is_some() => return Progress::Http,
                Sniff::Stun => return Progress::Turn,
                Sniff::NeedMore => {}
                Sniff::Http | Sniff::Other => return Progress::Unknown,
            }
            if !read {
                return Progress::Wait;
            }
        }
    }

    /// Read once from the socket. `Ok(false)`: it would block.
    fn read_some(&mut self) -> Result<bool, Progress> {
        let outcome = match self.tls.as_mut() {
            Some(tls) => read_tls(tls, &mut self.tcp, &mut self.first),
            None => read_plain(&mut self.tcp, &mut self.first),
        };
        match outcome {
            Ok(Some(read)) => Ok(read),
            Ok(None) => Err(Progress::Closed),
            Err(e) if e.kind() == io::ErrorKind::InvalidData => Err(Progress::BadTls),
            Err(_) => Err(Progress::Closed),
        }
    }

    /// True once the TLS handshake is over (at once without TLS).
    pub(crate) fn handshake_done(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }
}

/// `Some(true)`: something was read; `Some(false)`: it would block; `None`: end of stream.
fn read_plain(tcp: &mut TcpStream, first: &mut Vec<u8>) -> io::Result<Option<bool>> {
    let mut buffer = [0; FIRST_BYTES];
    match tcp.read(&mut buffer) {
        Ok(0) => Ok(None),
        Ok(n) => {
            first.extend_from_slice(&buffer[..n]);
            Ok(Some(true))
        }
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(Some(false)),
        Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(Some(true)),
        Err(e) => Err(e),
    }
}

fn read_tls(
    tls: &mut ServerConnection,
    tcp: &mut TcpStream,
    first: &mut Vec<u8>,
) -> io::Result<Option<bool>> {
    let read = match tls.read_tls(tcp) {
        Ok(0) => return Ok(None),
        Ok(_) => true,
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => false,
        Err(e) if e.kind() == io::ErrorKind::Interrupted => true,
        Err(e) => return Err(e),
    };
    let state = match tls.process_new_packets() {
        Ok(state) => state,
        Err(error) => {
            // The alert that explains it; that it may not get out changes nothing.
            let _ = write_tls(tls, tcp);
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
    };
    let waiting = state.plaintext_bytes_to_read();
    if waiting > 0 {
        let start = first.len();
        first.resize(start + waiting, 0);
        tls.reader().read_exact(&mut first[start..])?;
    }
    write_tls(tls, tcp)?;
    Ok(Some(read))
}

/// Write what TLS has ready until the socket would block.
pub(crate) fn write_tls(tls: &mut ServerConnection, tcp: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(tcp) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
