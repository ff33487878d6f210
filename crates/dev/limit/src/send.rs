//! Runs of datagrams, many to a system call.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// `linux/udp.h`: cut what is sent into datagrams of this size.
const UDP_SEGMENT: libc::c_int = 103;
/// Messages per `sendmmsg`.
const BATCH: usize = 32;
/// Room for one control message of two bytes.
const CONTROL: usize = 24;

#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// Where a run goes: its own connected socket, or one socket and an address.
pub(crate) enum Route {
    Connected(UdpSocket),
    To(libc::sockaddr_in),
}

impl Route {
    /// An address of IPv4 for the shared socket.
    pub(crate) fn to(address: SocketAddr) -> Result<Self, String> {
        let SocketAddr::V4(address) = address else { return Err("IPv4 is measured".into()) };
        Ok(Self::To(libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: address.port().to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
            sin_zero: [0; 8],
        }))
    }
}

/// Messages that wait for their system call: the end of each in the bytes, and its route.
pub(crate) struct Queue {
    pub(crate) bytes: Vec<u8>,
    ends: Vec<(usize, usize)>,
    segment: usize,
}

impl Queue {
    /// A queue for datagrams of `segment` bytes.
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::with_capacity(BATCH * 65_536), ends: Vec::new(), segment: 0 }
    }

    /// Ends a message: what was put into `bytes` since the last one goes to `route`.
    pub(crate) fn end(&mut self, route: usize, segment: usize) {
        self.segment = segment;
        self.ends.push((self.bytes.len(), route));
    }

    /// Whether the next message needs a new batch: another socket, or no room.
    pub(crate) fn is_full(&self) -> bool {
        self.ends.len() >= BATCH
    }

    /// Sends everything. The number of messages that left.
    pub(crate) fn flush(&mut self, shared: &UdpSocket, routes: &[Route]) -> io::Result<usize> {
        // SAFETY: plain old data, for which all zeros is a value.
        let mut iovecs: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        let mut control = segment_control(self.segment as u16);
        let (mut start, mut socket) = (0, shared);
        let slots = headers.iter_mut().zip(&mut iovecs);
        for ((header, iovec), &(end, route)) in slots.zip(&self.ends) {
            let message = &self.bytes[start..end];
            *iovec = libc::iovec {
                iov_base: message.as_ptr().cast_mut().cast(),
                iov_len: message.len(),
            };
            header.msg_hdr.msg_iov = iovec;
            header.msg_hdr.msg_iovlen = 1;
            match &routes[route] {
                Route::Connected(own) => socket = own,
                Route::To(name) => {
                    header.msg_hdr.msg_name = (&raw const *name).cast_mut().cast();
                    header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
                }
            }
            if message.len() > self.segment {
                header.msg_hdr.msg_control = (&raw mut control).cast();
                header.msg_hdr.msg_controllen = CONTROL;
            }
            start = end;
        }
        let sent = send_all(socket, &mut headers[..self.ends.len()])?;
        self.bytes.clear();
        self.ends.clear();
        Ok(sent)
    }
}

fn send_all(socket: &UdpSocket, mut headers: &mut [libc::mmsghdr]) -> io::Result<usize> {
    let all = headers.len();
    while !headers.is_empty() {
        // SAFETY: the caller filled every header with pointers to what lives during the call.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                headers.len() as libc::c_uint,
                0,
            )
        };
        match usize::try_from(sent) {
            Ok(sent) => headers = headers.split_at_mut(sent).1,
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
    Ok(all)
}

fn segment_control(segment: u16) -> Control {
    let mut control = Control([0; CONTROL]);
    let header: *mut libc::cmsghdr = (&raw mut control).cast();
    // SAFETY: CONTROL is CMSG_SPACE of two bytes, and `Control` is aligned as `cmsghdr` is.
    unsafe {
        (*header).cmsg_level = libc::IPPROTO_UDP;
        (*header).cmsg_type = UDP_SEGMENT;
        (*header).cmsg_len = libc::CMSG_LEN(2) as usize;
        libc::CMSG_DATA(header).cast::<u16>().write_unaligned(segment);
    }
    control
}
