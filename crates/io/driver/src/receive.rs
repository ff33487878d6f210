//! Receiving many datagrams per system call.

use std::io;
use std::mem::zeroed;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use crate::address::read_name;
use crate::control::{self, Control};
use crate::socket::UdpSocket;

/// Buffers per system call; more gains nothing (measured).
const BATCH: usize = 32;
/// The largest run that GRO joins.
const BUFFER: usize = 65_536;

/// A received datagram.
#[derive(Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it; never a v4-mapped address.
    pub remote: SocketAddr,
    /// The address it was sent to. It is unspecified if the kernel did not tell.
    pub local: SocketAddr,
    /// The payload, which may be changed in place.
    pub data: &'a mut [u8],
}

/// What one call of [`Receiver::receive`] brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Buffers: single datagrams or runs.
    pub buffers: usize,
    /// Datagrams.
    pub datagrams: usize,
    /// Datagrams that the socket's full buffer has cost since it was bound, modulo 2³², if the
    /// kernel told.
    pub overflowed: Option<u32>,
    /// Nothing is left to read for now.
    pub drained: bool,
}

/// Buffers for receiving, used for every socket of a thread.
pub struct Receiver {
    buffers: Box<[u8]>,
    names: Box<[libc::sockaddr_storage]>,
    controls: Box<[Control]>,
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Receiver {
    /// Makes the buffers: 2 MiB, of which only what is used becomes resident.
    pub fn new() -> Self {
        // SAFETY: plain old data, for which all zeros is a value.
        let name: libc::sockaddr_storage = unsafe { zeroed() };
        Self {
            buffers: vec![0; BATCH * BUFFER].into_boxed_slice(),
            names: vec![name; BATCH].into_boxed_slice(),
            controls: vec![Control::new(); BATCH].into_boxed_slice(),
        }
    }

    /// Reads once and hands over each datagram. Call again until `drained`.
    ///
    /// # Errors
    /// What the system says, but never `WouldBlock`, which is `drained`.
    pub fn receive(
        &mut self,
        socket: &UdpSocket,
        mut handle: impl FnMut(Datagram<'_>),
    ) -> io::Result<Received> {
        // SAFETY: plain old data, for which all zeros is a value.
        let mut iovecs: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        self.prepare(&mut iovecs, &mut headers);
        // SAFETY: each header points at a name, a control buffer and an iovec of `BUFFER` bytes
        // that are ours, distinct, and live until the end of this function.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock => Ok(Received { drained: true, ..Received::default() }),
                io::ErrorKind::Interrupted => Ok(Received::default()),
                _ => Err(error),
            };
        };
        let mut received =
            Received { buffers: count, drained: count < BATCH, ..Received::default() };
        let buffers = self.buffers.chunks_exact_mut(BUFFER);
        for ((header, name), buffer) in headers[..count].iter().zip(&self.names).zip(buffers) {
            // SAFETY: recvmmsg filled this header; its control buffer is in `self.controls`.
            let info = unsafe { control::read(&header.msg_hdr) };
            let Some(remote) = read_name(name, header.msg_hdr.msg_namelen) else { continue };
            received.overflowed = info.overflowed.or(received.overflowed);
            let local = local_of(socket, info.local);
            let length = (header.msg_len as usize).min(BUFFER);
            if length == 0 {
                // No run has an empty datagram, and `chunks_mut` would lose a single one.
                received.datagrams += 1;
                handle(Datagram { remote, local, data: &mut [] });
            }
            let segment = info.segment.unwrap_or(length).max(1);
            for data in buffer[..length].chunks_mut(segment) {
                received.datagrams += 1;
                handle(Datagram { remote, local, data });
            }
        }
        Ok(received)
    }

    fn prepare(&mut self, iovecs: &mut [libc::iovec], headers: &mut [libc::mmsghdr]) {
        let buffers = self.buffers.chunks_exact_mut(BUFFER);
        for (iovec, buffer) in iovecs.iter_mut().zip(buffers) {
            iovec.iov_base = buffer.as_mut_ptr().cast();
            iovec.iov_len = buffer.len();
        }
        let parts = self.names.iter_mut().zip(self.controls.iter_mut()).zip(iovecs);
        for (header, ((name, control), iovec)) in headers.iter_mut().zip(parts) {
            let header = &mut header.msg_hdr;
            header.msg_name = (&raw mut *name).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_control = control.as_mut_ptr();
            header.msg_controllen = Control::SIZE;
            header.msg_iov = iovec;
            header.msg_iovlen = 1;
        }
    }
}

fn local_of(socket: &UdpSocket, told: Option<IpAddr>) -> SocketAddr {
    let bound = socket.local();
    SocketAddr::new(told.unwrap_or(bound.ip()), bound.port())
}
