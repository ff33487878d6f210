//! TUN devices in named network namespaces.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const TUNSETIFF: libc::c_ulong = 0x4004_54CA;
const IFF_TUN: libc::c_short = 0x0001;
const IFF_NO_PI: libc::c_short = 0x1000;

/// `struct ifreq` as far as TUNSETIFF reads it, padded to its full size.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: libc::c_short,
    padding: [u8; 22],
}

/// Create the device in the namespace; it lives as long as the file. The calling thread is left in
/// that namespace.
pub fn create(namespace: &Path, name: &str) -> io::Result<File> {
    enter(namespace)?;
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")?;
    let mut request =
        InterfaceRequest { name: [0; 16], flags: IFF_TUN | IFF_NO_PI, padding: [0; 22] };
    if name.len() >= request.name.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the device's name is too long"));
    }
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: the descriptor is open, and the kernel reads and writes one ifreq, which this is.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), TUNSETIFF, &raw mut request) };
    if result == 0 { Ok(device) } else { Err(io::Error::last_os_error()) }
}

fn enter(namespace: &Path) -> io::Result<()> {
    let path = CString::new(namespace.as_os_str().as_encoded_bytes())?;
    // SAFETY: the path is a C string that outlives the call.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open and ours; the process has one thread.
    let result = unsafe { libc::setns(fd, libc::CLONE_NEWNET) };
    let error = io::Error::last_os_error();
    // SAFETY: the descriptor is open and not used afterwards.
    unsafe { libc::close(fd) };
    if result == 0 { Ok(()) } else { Err(error) }
}
