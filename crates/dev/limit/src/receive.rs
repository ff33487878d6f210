//! `recvmmsg` into buffers that are made once.

use std::io;
use std::mem::zeroed;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

/// Datagrams per call; more gains nothing.
const BATCH: usize = 32;
/// The longest datagram, or as much as the kernel joins to one.
const LONGEST: usize = 65_536;

/// Buffers for one batch.
pub(crate) struct Receiver {
    buffers: Vec<u8>,
    lengths: [usize; BATCH],
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self { buffers: vec![0; BATCH * LONGEST], lengths: [0; BATCH] }
    }

    /// Takes what is there, without waiting. The number of datagrams; 0 if there is none.
    pub(crate) fn take(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        // SAFETY: plain old data, for which all zeros is a value.
        let mut iovecs: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        let buffers = self.buffers.chunks_exact_mut(LONGEST);
        for ((header, iovec), buffer) in headers.iter_mut().zip(&mut iovecs).zip(buffers) {
            *iovec = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: LONGEST };
            header.msg_hdr.msg_iov = iovec;
            header.msg_hdr.msg_iovlen = 1;
        }
        // SAFETY: every header points at an iovec and that at a buffer, all alive during the call.
        let taken = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                null_mut(),
            )
        };
        let Ok(taken) = usize::try_from(taken) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            };
        };
        for (length, header) in self.lengths.iter_mut().zip(&headers) {
            *length = header.msg_len as usize;
        }
        Ok(taken)
    }

    /// Packets of the last batch, when whole ones of `size` bytes may have been joined.
    pub(crate) fn packets(&self, taken: usize, size: usize) -> u64 {
        self.lengths[..taken].iter().map(|length| length.div_ceil(size) as u64).sum()
    }

    /// One of the datagrams of the last batch.
    pub(crate) fn datagram(&mut self, index: usize) -> &mut [u8] {
        &mut self.buffers[index * LONGEST..][..self.lengths[index]]
    }
}
