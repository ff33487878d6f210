//! Level-triggered epoll that waits with the precision of the clock.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::clock::{Nanos, SECOND};

const EVENTS: usize = 512;

/// Waits for descriptors, each with a number of the caller's.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    pub(crate) writable: bool,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Poller> {
        // SAFETY: no pointer is passed.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and nobody else's.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Poller { epoll, events: Vec::with_capacity(EVENTS) })
    }

    /// Tells when a descriptor can be read, until it is closed.
    pub(crate) fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, false)
    }

    /// Tells also when it can be written, or no more.
    pub(crate) fn want_write(&self, fd: RawFd, token: u64, wanted: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, wanted)
    }

    /// Tells nothing of it any more.
    pub(crate) fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, false)
    }

    fn control(&self, what: libc::c_int, fd: RawFd, token: u64, write: bool) -> io::Result<()> {
        let write = if write { libc::EPOLLOUT } else { 0 };
        let events = (libc::EPOLLIN | write) as u32;
        let mut event = libc::epoll_event { events, u64: token };
        // SAFETY: `event` is valid during the call.
        let result = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), what, fd, &mut event) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Waits for at most this long (without end for none) and says what is ready.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Nanos>,
        ready: &mut Vec<Ready>,
    ) -> io::Result<()> {
        ready.clear();
        let time = timeout.map(|span| libc::timespec {
            tv_sec: (span / SECOND) as libc::time_t,
            tv_nsec: (span % SECOND) as libc::c_long,
        });
        let pointer = time.as_ref().map_or(std::ptr::null(), |time| &raw const *time);
        // SAFETY: there is room for `EVENTS` events, and the time lives during the call.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS as libc::c_int,
                pointer,
                std::ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            let interrupted = error.kind() == io::ErrorKind::Interrupted;
            return if interrupted { Ok(()) } else { Err(error) };
        };
        // SAFETY: the kernel has filled that many.
        unsafe { self.events.set_len(count) };
        ready.extend(self.events.iter().map(|event| Ready {
            token: event.u64,
            writable: event.events & libc::EPOLLOUT as u32 != 0,
        }));
        self.events.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn it_tells_until_it_was_read_and_waits_no_longer_than_asked() {
        let (mut one, other) = UnixStream::pair().unwrap();
        let (mut poller, mut ready) = (Poller::new().unwrap(), Vec::new());
        poller.add(other.as_raw_fd(), 7).unwrap();
        poller.wait(Some(1_000_000), &mut ready).unwrap();
        assert!(ready.is_empty());
        one.write_all(b"x").unwrap();
        for _ in 0..2 {
            poller.wait(None, &mut ready).unwrap();
            assert_eq!(ready, [Ready { token: 7, writable: false }]);
        }
        poller.want_write(other.as_raw_fd(), 7, true).unwrap();
        poller.wait(None, &mut ready).unwrap();
        assert_eq!(ready, [Ready { token: 7, writable: true }]);
        poller.remove(other.as_raw_fd()).unwrap();
        poller.wait(Some(0), &mut ready).unwrap();
        assert!(ready.is_empty());
    }
}
