//! Who else is on a UDP port, as the kernel lists it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use socket2::Socket;

/// One table for each family.
const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];
/// How the tables write the state of a socket that is not connected (TCP_CLOSE).
const UNCONNECTED: &str = "07";
/// The kernel gives a long table in pieces, and skips rows between them when sockets before those are
/// closed meanwhile. So often may it be read until we are in it ourselves.
const READINGS: usize = 10;

/// One socket of a table.
struct Row<'a> {
    address: &'a str,
    port: u16,
    connected: bool,
    inode: u64,
}

/// Whether a socket other than `own`, which is bound to `port`, takes what any client sends to that
/// port on an address of ours.
pub(crate) fn is_open_to_everybody(own: &Socket, port: u16) -> io::Result<bool> {
    let inode = inode_of(own)?;
    for _ in 0..READINGS {
        if let Some(taken) = is_taken(&read_tables()?, inode, port) {
            return Ok(taken);
        }
    }
    // It may not be the list of our network; nothing is certain.
    Ok(true)
}

fn read_tables() -> io::Result<String> {
    let mut tables = String::new();
    for table in TABLES {
        match std::fs::read_to_string(table) {
            Ok(text) => tables.push_str(&text),
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(tables)
}

/// None if we are not in the tables.
fn is_taken(tables: &str, own: u64, port: u16) -> Option<bool> {
    let rows = || tables.lines().filter_map(parse).filter(|row| row.port == port);
    let mine = rows().find(|row| row.inode == own)?;
    let taken = rows().filter(|row| row.inode != own && !row.connected).any(|row| {
        row.address == mine.address || is_wildcard(row.address) || is_wildcard(mine.address)
    });
    Some(taken)
}

/// The columns are: number, local address, remote address, state, queues, timer, retransmissions,
/// user, timeout, inode, and more. An address is hexadecimal, with its port behind a colon.
fn parse(line: &str) -> Option<Row<'_>> {
    let mut columns = line.split_ascii_whitespace().skip(1);
    let (address, port) = columns.next()?.split_once(':')?;
    let state = columns.nth(1)?;
    let inode = columns.nth(5)?.parse().ok()?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(Row { address, port, connected: state != UNCONNECTED, inode })
}

fn is_wildcard(address: &str) -> bool {
    address.bytes().all(|digit| digit == b'0')
}

fn inode_of(socket: &Socket) -> io::Result<u64> {
    let file = File::from(OwnedFd::from(socket.try_clone()?));
    Ok(file.metadata()?.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";

    fn row(address: &str, state: &str, inode: u64) -> String {
        format!(
            "  12: {address}:0D96 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 2 0000000000000000 0\n"
        )
    }

    fn taken(rows: &[String]) -> Option<bool> {
        is_taken(&format!("{HEAD}{}", rows.concat()), 7, 3478)
    }

    #[test]
    fn connected_sockets_leave_the_port_to_us() {
        let mine = row("0100007F", "07", 7);
        assert_eq!(taken(&[mine.clone(), row("0100007F", "01", 8)]), Some(false));
        assert_eq!(taken(&[mine.clone(), row("0100007F", "07", 8)]), Some(true));
        assert_eq!(taken(&[mine.clone(), row("00000000", "07", 8)]), Some(true));
        assert_eq!(taken(&[mine, row("0200007F", "07", 8)]), Some(false));
        let every = row("00000000000000000000000000000000", "07", 7);
        assert_eq!(taken(&[every, row("0200007F", "07", 8)]), Some(true));
    }

    #[test]
    fn without_ourselves_in_the_list_nothing_is_certain() {
        assert_eq!(taken(&[row("0100007F", "07", 8)]), None);
    }
}
