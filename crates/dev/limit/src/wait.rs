//! Waiting for sockets, and what the process has used.

use std::io;
use std::mem::zeroed;
use std::os::fd::RawFd;
use std::time::Duration;

/// Which of many descriptors have something to read.
pub(crate) struct Waiter {
    epoll: RawFd,
    ready: Vec<libc::epoll_event>,
}

impl Waiter {
    /// Watches these; each is told by its place in the list.
    pub(crate) fn new(descriptors: &[RawFd]) -> io::Result<Self> {
        // SAFETY: no pointers.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(io::Error::last_os_error());
        }
        for (place, &descriptor) in descriptors.iter().enumerate() {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: place as u64 };
            // SAFETY: `event` lives during the call.
            let added =
                unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, descriptor, &raw mut event) };
            if added < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Self { epoll, ready: vec![libc::epoll_event { events: 0, u64: 0 }; 256] })
    }

    /// The places of those that are ready, at the latest after `timeout`.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Vec<usize>> {
        let limit = timeout.map(|t| libc::timespec {
            tv_sec: t.as_secs() as libc::time_t,
            tv_nsec: libc::c_long::from(t.subsec_nanos() as i32),
        });
        let pointer = limit.as_ref().map_or(std::ptr::null(), |t| &raw const *t);
        // SAFETY: the array and the time live during the call.
        let count = unsafe {
            libc::epoll_pwait2(
                self.epoll,
                self.ready.as_mut_ptr(),
                self.ready.len() as libc::c_int,
                pointer,
                std::ptr::null(),
            )
        };
        match usize::try_from(count) {
            Ok(count) => Ok(self.ready[..count].iter().map(|e| e.u64 as usize).collect()),
            Err(_) => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => Ok(Vec::new()),
                e => Err(e),
            },
        }
    }
}

/// Processor time of this process so far.
pub(crate) fn processor_time() -> Duration {
    // SAFETY: plain old data, for which all zeros is a value.
    let mut time: libc::timespec = unsafe { zeroed() };
    // SAFETY: `time` lives during the call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
