//! Two network namespaces with one cable between them.

use std::error::Error;
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::process::Command;

/// Where the server is.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// Where everybody else is.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// The namespaces; they go with this value.
pub struct Network {
    server: String,
    client: String,
}

impl Network {
    /// Makes them. `offload`: the cable takes runs as they are, like a device that segments.
    pub fn new(offload: bool) -> Result<Self, Box<dyn Error>> {
        let pid = std::process::id();
        let network = Self { server: format!("cost-s{pid}"), client: format!("cost-c{pid}") };
        let Network { server, client } = &network;
        run("ip", &["netns", "add", server])?;
        run("ip", &["netns", "add", client])?;
        let cable = ["link", "add", "s0", "netns", server, "type", "veth", "peer", "name", "c0"];
        run("ip", &[&cable[..], &["netns", client]].concat())?;
        for (namespace, device, address) in [(server, "s0", SERVER), (client, "c0", CLIENT)] {
            let address = format!("{address}/24");
            run("ip", &["-n", namespace, "addr", "add", &address, "dev", device])?;
            run("ip", &["-n", namespace, "link", "set", device, "up"])?;
            run("ip", &["-n", namespace, "link", "set", "lo", "up"])?;
        }
        if !offload {
            network.enter_server()?;
            refuse_runs("s0")?;
        }
        Ok(network)
    }

    /// Sockets that this thread makes from now on are the server's.
    pub fn enter_server(&self) -> io::Result<()> {
        enter(&self.server)
    }

    /// Sockets that this thread makes from now on are the clients'.
    pub fn enter_client(&self) -> io::Result<()> {
        enter(&self.client)
    }

    /// From now on what comes to the clients is dropped on arrival: so it costs nobody anything.
    pub fn drop_on_arrival(&self) -> Result<(), Box<dyn Error>> {
        let rules = "table netdev cost { chain in { type filter hook ingress device c0 priority 0; \
                     ip protocol udp drop; }; }";
        run("ip", &["netns", "exec", &self.client, "nft", rules])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in [&self.server, &self.client] {
            // When it stays nothing can be done about it here, and its name says whose it is.
            let _ = run("ip", &["netns", "delete", namespace]);
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let output = Command::new(program).args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr))
        .into())
}

fn enter(namespace: &str) -> io::Result<()> {
    let file = File::open(format!("/run/netns/{namespace}"))?;
    // SAFETY: the descriptor is open; the call changes this thread's namespace only.
    match unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `linux/ethtool.h`: change features; `struct ethtool_sfeatures` and its blocks.
const SIOCETHTOOL: libc::c_ulong = 0x8946;
const ETHTOOL_SFEATURES: u32 = 0x3b;
/// `NETIF_F_GSO_UDP_L4_BIT`, by its place in `netdev_features.h`.
const UDP_SEGMENTATION: u32 = 29;

#[repr(C)]
struct Features {
    command: u32,
    size: u32,
    /// Which bits are meant, and what they are to be.
    blocks: [(u32, u32); 2],
}

#[repr(C)]
struct Request {
    name: [libc::c_char; libc::IFNAMSIZ],
    data: *mut Features,
    room: [u8; 16],
}

/// Switches `tx-udp-segmentation` of a device off: the kernel cuts runs itself.
fn refuse_runs(device: &str) -> io::Result<()> {
    let mut features = Features { command: ETHTOOL_SFEATURES, size: 2, blocks: [(0, 0); 2] };
    features.blocks[(UDP_SEGMENTATION / 32) as usize].0 = 1 << (UDP_SEGMENTATION % 32);
    let mut request = Request { name: [0; libc::IFNAMSIZ], data: &raw mut features, room: [0; 16] };
    for (to, from) in request.name.iter_mut().zip(device.bytes()) {
        *to = from as libc::c_char;
    }
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    // SAFETY: `request` has the layout and size of `ifreq`, and its data pointer is to a live
    // `ethtool_sfeatures` with as many blocks as it says.
    match unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
