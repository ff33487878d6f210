//! Which media ports are ours, and which to take next.

use std::io;
use std::ops::RangeInclusive;

/// System calls spent on one port before giving up: other programs hold that many in a row.
const ATTEMPTS: usize = 256;

/// A range of ports, some of them in use by us.
#[derive(Debug)]
pub struct PortPool {
    range: RangeInclusive<u16>,
    used: Vec<bool>,
    count: usize,
}

/// No port could be bound.
#[derive(Debug)]
pub enum NoPort {
    /// We hold every port of the range.
    Exhausted,
    /// Other programs hold the ones that were tried; the last error.
    Busy(io::Error),
    /// The one port there was is another process's now.
    GivenUp,
    /// The system refused for another reason, such as too many open files.
    Refused(io::Error),
}

impl std::fmt::Display for NoPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoPort::Exhausted => f.write_str("every media port is in use"),
            NoPort::GivenUp => f.write_str("this server drains: its media port was given up"),
            NoPort::Busy(error) => write!(f, "no media port could be bound: {error}"),
            NoPort::Refused(error) => write!(f, "a media port could not be bound: {error}"),
        }
    }
}

impl std::error::Error for NoPort {}

impl PortPool {
    /// All of the range is free.
    pub fn new(range: RangeInclusive<u16>) -> Self {
        let size = usize::from(range.end().saturating_sub(*range.start())) + 1;
        let size = if range.is_empty() { 0 } else { size };
        Self { range, used: vec![false; size], count: 0 }
    }

    /// How many are in use.
    pub fn in_use(&self) -> usize {
        self.count
    }

    /// Binds a free port: the one at `random` or the next that `bind` can take. The range may
    /// overlap the ports that the system gives to others, so a busy one is passed over.
    ///
    /// # Errors
    /// When there is none, or the system refuses for a reason that another port does not help.
    pub fn bind<T>(
        &mut self,
        random: u64,
        mut bind: impl FnMut(u16) -> io::Result<T>,
    ) -> Result<(u16, T), NoPort> {
        let size = self.used.len();
        let mut failure = NoPort::Exhausted;
        let mut attempts = 0;
        for step in 0..size {
            let index = (random % size as u64) as usize + step;
            let index = if index >= size { index - size } else { index };
            if self.used[index] {
                continue;
            }
            let port = *self.range.start() + index as u16;
            match bind(port) {
                Ok(bound) => {
                    self.used[index] = true;
                    self.count += 1;
                    return Ok((port, bound));
                }
                Err(error) if is_taken(&error) => failure = NoPort::Busy(error),
                Err(error) => return Err(NoPort::Refused(error)),
            }
            attempts += 1;
            if attempts == ATTEMPTS {
                break;
            }
        }
        Err(failure)
    }

    /// Gives a port back; one that was not in use is ignored.
    pub fn release(&mut self, port: u16) {
        let index = usize::from(port.wrapping_sub(*self.range.start()));
        if let Some(used) = self.used.get_mut(index)
            && std::mem::take(used)
        {
            self.count -= 1;
        }
    }
}

/// Another port may do.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> io::Error {
        io::Error::from(io::ErrorKind::AddrInUse)
    }

    #[test]
    fn the_range_is_used_up_and_refilled() {
        let mut pool = PortPool::new(40_000..=40_003);
        let mut ports: Vec<u16> =
            (0..4).map(|random| pool.bind(random * 3, |_| Ok(())).unwrap().0).collect();
        ports.sort_unstable();
        assert_eq!(ports, [40_000, 40_001, 40_002, 40_003]);
        assert!(matches!(pool.bind(1, |_| Ok(())), Err(NoPort::Exhausted)));
        pool.release(40_002);
        pool.release(40_002);
        assert_eq!(pool.in_use(), 3);
        assert_eq!(pool.bind(0, |_| Ok(())).unwrap().0, 40_002);
    }

    #[test]
    fn a_busy_port_is_passed_over() {
        let mut pool = PortPool::new(40_000..=40_009);
        let bind = |port| if port < 40_005 { Err(busy()) } else { Ok(port) };
        assert_eq!(pool.bind(0, bind).unwrap().0, 40_005);
        assert_eq!(pool.bind(7, bind).unwrap().0, 40_007);
    }

    #[test]
    fn what_another_port_cannot_help_ends_the_search() {
        let mut pool = PortPool::new(40_000..=40_009);
        let mut tried = 0;
        let refused = pool.bind(0, |_| {
            tried += 1;
            Err::<(), _>(io::Error::from_raw_os_error(libc::EMFILE))
        });
        assert!(matches!(refused, Err(NoPort::Refused(_))));
        assert_eq!((tried, pool.in_use()), (1, 0));
    }

    #[test]
    fn the_search_is_bounded() {
        let mut pool = PortPool::new(1..=65_535);
        let mut tried = 0;
        let refused = pool.bind(u64::MAX, |_| {
            tried += 1;
            Err::<(), _>(busy())
        });
        assert!(matches!(refused, Err(NoPort::Busy(_))));
        assert_eq!(tried, ATTEMPTS);
    }

    #[test]
    fn every_port_there_is() {
        let mut pool = PortPool::new(0..=65_535);
        assert_eq!(pool.bind(65_535, Ok).unwrap(), (65_535, 65_535));
        assert_eq!(pool.bind(65_535, Ok).unwrap(), (0, 0));
    }
}
