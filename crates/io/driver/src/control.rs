//! Control messages of `recvmsg` and `sendmsg`: local address, segment size.

use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::address::mapped;

/// `linux/udp.h`: cut what is sent into datagrams of this size.
pub(crate) const UDP_SEGMENT: libc::c_int = 103;
/// `linux/udp.h`: join what is received, and tell the size of its parts.
pub(crate) const UDP_GRO: libc::c_int = 104;

/// Room for the control messages of one datagram.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(crate) struct Control {
    bytes: [u8; Control::SIZE],
}

impl Control {
    pub(crate) const SIZE: usize = 128;

    pub(crate) const fn new() -> Self {
        Self { bytes: [0; Self::SIZE] }
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        self.bytes.as_mut_ptr().cast()
    }
}

/// What the control messages of a received datagram said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Info {
    /// Where it was sent to.
    pub(crate) local: Option<IpAddr>,
    /// Size of the parts that were joined.
    pub(crate) segment: Option<usize>,
    /// Datagrams the socket's full buffer has cost so far; not there while it is none.
    pub(crate) overflowed: Option<u32>,
}

/// Reads the control messages the kernel wrote.
///
/// # Safety
/// `header` is one that `recvmsg` filled: its control pointer and length are valid.
pub(crate) unsafe fn read(header: &libc::msghdr) -> Info {
    let mut info = Info::default();
    // SAFETY: the caller vouches for `header`; the CMSG functions stay within it.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: not null, so it points at a whole control message header within the buffer.
        let kind = unsafe { ((*message).cmsg_level, (*message).cmsg_type) };
        // SAFETY: as above; the data follows the header.
        let data = unsafe { libc::CMSG_DATA(message) };
        match kind {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // SAFETY: this kind carries an `in_pktinfo`; it may be unaligned.
                let got = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
                info.local = Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(got.ipi_addr.s_addr))));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // SAFETY: this kind carries an `in6_pktinfo`; it may be unaligned.
                let got = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
                info.local = Some(Ipv6Addr::from(got.ipi6_addr.s6_addr).to_canonical());
            }
            (libc::IPPROTO_UDP, UDP_GRO) => {
                // SAFETY: this kind carries an int; it may be unaligned.
                let size = unsafe { data.cast::<libc::c_int>().read_unaligned() };
                info.segment = usize::try_from(size).ok().filter(|&size| size > 0);
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                // SAFETY: this kind carries a u32; it may be unaligned.
                info.overflowed = Some(unsafe { data.cast::<u32>().read_unaligned() });
            }
            _ => {}
        }
        // SAFETY: `message` came from this header.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    info
}

/// Writes control messages into a buffer, one after another.
pub(crate) struct Writer<'a> {
    control: &'a mut Control,
    used: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(control: &'a mut Control) -> Self {
        Self { control, used: 0 }
    }

    /// Bytes written: `msg_controllen`.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Send from this address.
    pub(crate) fn local(&mut self, local: IpAddr, ipv6: bool) {
        if ipv6 {
            // SAFETY: plain old data, for which all zeros is a value.
            let mut info: libc::in6_pktinfo = unsafe { zeroed() };
            info.ipi6_addr.s6_addr = mapped(local).octets();
            self.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        } else if let IpAddr::V4(v4) = local {
            // SAFETY: plain old data, for which all zeros is a value.
            let mut info: libc::in_pktinfo = unsafe { zeroed() };
            info.ipi_spec_dst.s_addr = u32::from(v4).to_be();
            self.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
    }

    /// Cut into datagrams of this size.
    pub(crate) fn segment(&mut self, size: u16) {
        self.push(libc::IPPROTO_UDP, UDP_SEGMENT, &size);
    }

    fn push<T: Copy>(&mut self, level: libc::c_int, kind: libc::c_int, value: &T) {
        let length = size_of::<T>() as libc::c_uint;
        // SAFETY: these two only compute with lengths.
        let (space, whole) =
            unsafe { (libc::CMSG_SPACE(length) as usize, libc::CMSG_LEN(length) as usize) };
        debug_assert!(self.used + space <= Control::SIZE);
        if self.used + space > Control::SIZE {
            return;
        }
        // SAFETY: `used` is within the buffer, checked above, and stays a multiple of the
        // alignment of `cmsghdr` because CMSG_SPACE is; the buffer is aligned to 8.
        let header: *mut libc::cmsghdr =
            unsafe { self.control.bytes.as_mut_ptr().add(self.used).cast() };
        // SAFETY: `space` bytes from `header` on are ours; the data goes right behind the header.
        unsafe {
            (*header).cmsg_level = level;
            (*header).cmsg_type = kind;
            (*header).cmsg_len = whole;
            libc::CMSG_DATA(header).cast::<T>().write_unaligned(*value);
        }
        self.used += space;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> Info {
        let mut control = Control::new();
        let mut writer = Writer::new(&mut control);
        write(&mut writer);
        let used = writer.used();
        // SAFETY: plain old data.
        let mut header: libc::msghdr = unsafe { zeroed() };
        header.msg_control = control.as_mut_ptr();
        header.msg_controllen = used;
        // SAFETY: the header's control fields describe `control`.
        unsafe { read(&header) }
    }

    #[test]
    fn a_local_address_is_written_and_read() {
        let address: IpAddr = "2001:db8::7".parse().unwrap();
        let info = written(|writer| {
            writer.segment(1200);
            writer.local(address, true);
        });
        assert_eq!(info, Info { local: Some(address), ..Info::default() });
    }

    #[test]
    fn an_ipv4_address_is_mapped_on_a_dual_stack_socket_and_back() {
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        assert_eq!(written(|writer| writer.local(address, true)).local, Some(address));
    }
}
