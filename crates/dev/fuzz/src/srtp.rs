//! Protected packets.

use roomline_rtp::Header;
use roomline_srtp::{Inbound, Outbound, Profile};

const PROFILES: [Profile; 3] =
    [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm, Profile::AesCm128HmacSha1_80];

/// Opens the bytes as they are, which fails, and what comes of sealing them, which does not.
pub fn srtp_open(data: &[u8]) {
    for profile in PROFILES {
        let (key, salt) = (vec![1; profile.key_len()], vec![2; profile.salt_len()]);
        let mut inbound = Inbound::new(profile, &key, &salt).expect("lengths of the profile");
        let mut outbound = Outbound::new(profile, &key, &salt).expect("lengths of the profile");
        if let Ok(header) = Header::parse(data) {
            rtp(data, header.len(), &mut inbound, &mut outbound);
        }
        let _ = inbound.open_rtp(&mut data.to_vec(), data.len().min(12));
        rtcp(data, &mut inbound, &mut outbound);
    }
}

fn rtp(data: &[u8], header_len: usize, inbound: &mut Inbound, outbound: &mut Outbound) {
    assert!(inbound.open_rtp(&mut data.to_vec(), header_len).is_err(), "a forgery was opened");
    let mut packet = data.to_vec();
    outbound.seal_rtp(0, &mut packet, 0, header_len).expect("there is a header");
    let sealed = packet.clone();
    let length = inbound.open_rtp(&mut packet, header_len).expect("we open what we sealed");
    assert_eq!(&packet[..length], data);
    assert!(inbound.open_rtp(&mut sealed.clone(), header_len).is_err(), "a replay was opened");
}

fn rtcp(data: &[u8], inbound: &mut Inbound, outbound: &mut Outbound) {
    assert!(inbound.open_rtcp(&mut data.to_vec()).is_err(), "a forgery was opened");
    let mut compound = data.to_vec();
    if outbound.seal_rtcp(&mut compound, 0).is_ok() {
        let length = inbound.open_rtcp(&mut compound).expect("we open what we sealed");
        assert_eq!(&compound[..length], data);
    }
}
