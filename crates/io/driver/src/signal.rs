//! A file descriptor that says that something waits.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// An eventfd: readable from [`notify`](Signal::notify) until [`clear`](Signal::clear).
#[derive(Debug)]
pub struct Signal {
    fd: OwnedFd,
}

impl Signal {
    /// Makes one that is not readable.
    ///
    /// # Errors
    /// When no file descriptor is left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes two numbers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just gave us this descriptor; nobody else has it.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Makes it readable.
    pub fn notify(&self) {
        // SAFETY: the descriptor is open. The only failure is a counter at its end, and then it is
        // readable anyway.
        unsafe { libc::eventfd_write(self.fd.as_raw_fd(), 1) };
    }

    /// Makes it unreadable.
    pub fn clear(&self) {
        let mut value = 0;
        // SAFETY: the descriptor is open and `value` a valid place. It fails if it was unreadable.
        unsafe { libc::eventfd_read(self.fd.as_raw_fd(), &mut value) };
    }
}

impl AsRawFd for Signal {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
