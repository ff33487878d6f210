//! A connection to a relay: TCP, with TLS or without.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use roomline_stun::framing::Decoder;
use roomline_stun::padding;
use rustls::pki_types::ServerName;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// What may wait to leave; beyond it media is dropped, as a real-time sender must.
const MAX_WAITING: usize = 1 << 20;
const CHUNK: usize = 64 * 1024;

/// A connection that is open or about to be.
pub(crate) struct Stream {
    socket: Socket,
    tls: Option<Box<ClientConnection>>,
    decoder: Decoder,
    waiting: Vec<u8>,
    chunk: Box<[u8]>,
}

/// Whom to trust, and what the relay calls itself.
pub(crate) fn trust(ca: &str) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(ca).map_err(|error| format!("{ca}: {error}"))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| format!("{ca}: {error}"))?;
        roots.add(certificate).map_err(|error| format!("{ca}: {error}"))?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

impl Stream {
    /// Begins to connect; `tls` is whom to trust and the server's name.
    pub(crate) fn connect(
        local: SocketAddr,
        server: SocketAddr,
        tls: Option<(Arc<ClientConfig>, &str)>,
    ) -> Result<Stream, String> {
        let tls = match tls {
            None => None,
            Some((config, name)) => {
                let name = ServerName::try_from(name.to_owned())
                    .map_err(|error| format!("{name}: {error}"))?;
                let made = ClientConnection::new(config, name).map_err(|e| e.to_string())?;
                Some(Box::new(made))
            }
        };
        let socket = open(local, server).map_err(|error| format!("{server}: {error}"))?;
        Ok(Stream {
            socket,
            tls,
            decoder: Decoder::new(),
            waiting: Vec::new(),
            chunk: vec![0; CHUNK].into_boxed_slice(),
        })
    }

    /// Queues a message with its padding (RFC 8656 §12.5). False if too much is queued already.
    pub(crate) fn queue(&mut self, message: &[u8]) -> bool {
        if self.waiting.len() + message.len() > MAX_WAITING {
            return false;
        }
        self.waiting.extend_from_slice(message);
        self.waiting.resize(self.waiting.len() + padding(message.len()), 0);
        true
    }

    /// Something waits for the socket to take it.
    pub(crate) fn wants_write(&self) -> bool {
        match &self.tls {
            // What waits can't leave before the handshake is done, however much room there is.
            Some(tls) if tls.is_handshaking() => tls.wants_write(),
            Some(tls) => tls.wants_write() || !self.waiting.is_empty(),
            None => !self.waiting.is_empty(),
        }
    }

    /// Sends what the kernel takes.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let done = match &mut self.tls {
            None => write_some(&mut self.socket, &mut self.waiting),
            Some(tls) => write_tls(&mut self.socket, tls, &mut self.waiting),
        };
        match done {
            Err(error) if is_pending(&error) => Ok(()),
            other => other,
        }
    }

    /// Hands over each whole message that has arrived. False when the server has closed.
    pub(crate) fn receive(&mut self, mut handle: impl FnMut(&mut [u8])) -> io::Result<bool> {
        loop {
            let count = match self.read() {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) if is_pending(&error) => return Ok(true),
                Err(error) => return Err(error),
            };
            self.decoder.push(&self.chunk[..count]).map_err(io::Error::other)?;
            while let Some(message) = self.decoder.next().map_err(io::Error::other)? {
                handle(message);
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(&mut self.chunk) };
        loop {
            match tls.reader().read(&mut self.chunk) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            if tls.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn open(local: SocketAddr, server: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&local.into())?;
    match socket.connect(&SockAddr::from(server)) {
        Err(error) if !is_pending(&error) => Err(error),
        _ => Ok(socket),
    }
}

/// Not now: nothing to read, no room to write, or not connected yet.
fn is_pending(error: &io::Error) -> bool {
    let waiting = [ErrorKind::WouldBlock, ErrorKind::NotConnected, ErrorKind::Interrupted];
    waiting.contains(&error.kind()) || error.raw_os_error() == Some(libc::EINPROGRESS)
}

fn write_some(socket: &mut Socket, waiting: &mut Vec<u8>) -> io::Result<()> {
    let mut written = 0;
    let outcome = loop {
        if written == waiting.len() {
            break Ok(());
        }
        match socket.write(&waiting[written..]) {
            Ok(count) => written += count,
            Err(error) => break Err(error),
        }
    };
    waiting.drain(..written);
    outcome
}

fn write_tls(
    socket: &mut Socket,
    tls: &mut ClientConnection,
    waiting: &mut Vec<u8>,
) -> io::Result<()> {
    loop {
        while tls.wants_write() {
            tls.write_tls(socket)?;
        }
        if waiting.is_empty() || tls.is_handshaking() {
            return Ok(());
        }
        let taken = tls.writer().write(waiting)?;
        waiting.drain(..taken);
    }
}
