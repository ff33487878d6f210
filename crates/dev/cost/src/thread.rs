//! Which core a thread runs on, and how long it has run.

use std::error::Error;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

/// Keeps this thread, and those that it makes, on one core.
pub fn pin(core: usize) -> io::Result<()> {
    // SAFETY: plain old data, for which all zeros is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is a whole set, and `core` is checked against its size by the macro.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: pointer and size describe `set`; 0 is this thread.
    match unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Lets nothing but the system go before a thread of this process; 0 is this one. So a busy machine
/// changes neither what is read together nor what is sent together.
fn prefer(thread: u32) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 10 };
    // SAFETY: the pointer is to a live value.
    match unsafe { libc::sched_setscheduler(thread as i32, libc::SCHED_FIFO, &parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Lets nothing but the system go before this thread.
pub fn prefer_this() -> io::Result<()> {
    prefer(0)
}

/// A thread of this process.
pub struct Thread(u32);

impl Thread {
    /// By the beginning of its name.
    pub fn find(name: &str) -> Result<Self, Box<dyn Error>> {
        // A thread takes its name when it begins to run.
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if let Some(found) = Self::look_for(name)? {
                return Ok(found);
            }
            std::thread::yield_now();
        }
        Err(format!("no thread {name}").into())
    }

    fn look_for(name: &str) -> Result<Option<Self>, Box<dyn Error>> {
        for entry in fs::read_dir("/proc/self/task")? {
            let path = entry?.path();
            if fs::read_to_string(path.join("comm"))?.starts_with(name) {
                let id = path.file_name().and_then(|id| id.to_str()).unwrap_or_default();
                return Ok(Some(Self(id.parse()?)));
            }
        }
        Ok(None)
    }

    /// Lets nothing but the system go before it.
    pub fn prefer(&self) -> io::Result<()> {
        prefer(self.0)
    }

    /// How long it has run, softirqs on its behalf included.
    pub fn cpu(&self) -> Result<Duration, Box<dyn Error>> {
        let text = fs::read_to_string(format!("/proc/self/task/{}/schedstat", self.0))?;
        let nanoseconds = text.split(' ').next().unwrap_or_default().parse()?;
        Ok(Duration::from_nanos(nanoseconds))
    }
}
