//! Telling STUN from HTTP by the first bytes of a stream.

/// What the first bytes of a stream say it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniff {
    /// Too few bytes to tell.
    NeedMore,
    /// A STUN message (RFC 8489 section 5): a TURN client always begins with a request.
    Stun,
    /// An HTTP/1 request: a method of upper-case letters and a space (RFC 9112 section 3).
    Http,
    /// Neither.
    Other,
}

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
/// The longest method that is registered is `UPDATEREDIRECTREF`; one more for the space.
const LONGEST_METHOD: usize = 18;

/// Tell what a stream carries from its first bytes.
///
/// STUN begins with two zero bits, so its first byte is 0–3 for every method in use; HTTP begins
/// with a letter. Nothing else is served here.
pub fn sniff(bytes: &[u8]) -> Sniff {
    match bytes.first() {
        None => Sniff::NeedMore,
        Some(0..=3) => sniff_stun(bytes),
        Some(b'A'..=b'Z') => sniff_http(bytes),
        Some(_) => Sniff::Other,
    }
}

fn sniff_stun(bytes: &[u8]) -> Sniff {
    let cookie = &bytes[bytes.len().min(4)..bytes.len().min(8)];
    if !MAGIC_COOKIE.starts_with(cookie) {
        Sniff::Other
    } else if cookie.len() == MAGIC_COOKIE.len() {
        Sniff::Stun
    } else {
        Sniff::NeedMore
    }
}

fn sniff_http(bytes: &[u8]) -> Sniff {
    let letters = bytes.iter().take_while(|b| b.is_ascii_uppercase() || **b == b'-').count();
    match bytes.get(letters) {
        Some(b' ') if letters < LONGEST_METHOD => Sniff::Http,
        None if letters < LONGEST_METHOD => Sniff::NeedMore,
        _ => Sniff::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOCATE: [u8; 8] = [0x00, 0x03, 0x00, 0x08, 0x21, 0x12, 0xA4, 0x42];

    #[test]
    fn stun_is_known_by_its_cookie() {
        assert_eq!(sniff(&ALLOCATE), Sniff::Stun);
        assert_eq!(sniff(&[0, 3, 0, 8, 1, 2, 3, 4]), Sniff::Other);
    }

    #[test]
    fn a_prefix_asks_for_more() {
        for n in 0..ALLOCATE.len() {
            assert_eq!(sniff(&ALLOCATE[..n]), Sniff::NeedMore, "{n} bytes");
        }
        assert_eq!(sniff(b"GE"), Sniff::NeedMore);
    }

    #[test]
    fn http_is_known_by_its_method() {
        assert_eq!(sniff(b"GET / HTTP/1.1\r\n"), Sniff::Http);
        assert_eq!(sniff(b"OPTIONS * HTTP/1.1"), Sniff::Http);
        assert_eq!(sniff(b"M-SEARCH x"), Sniff::Http);
    }

    #[test]
    fn anything_else_is_neither() {
        assert_eq!(sniff(b"get / HTTP/1.1"), Sniff::Other);
        assert_eq!(sniff(b"GE\0"), Sniff::Other);
        assert_eq!(sniff(b"SSH-2.0-OpenSSH"), Sniff::Other);
        assert_eq!(sniff(&[0x16, 3, 1]), Sniff::Other);
        assert_eq!(sniff(&[b'A'; 64]), Sniff::Other);
        assert_eq!(sniff(&[0x40, 0, 0, 4]), Sniff::Other);
    }
}
