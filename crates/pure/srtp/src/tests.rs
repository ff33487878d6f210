//! Both directions together: round trips, replay, rollover and hostile input.

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

use crate::{Inbound, MAX_SOURCES, Outbound, Profile, SrtpError};

const PROFILES: [Profile; 3] =
    [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm, Profile::AesCm128HmacSha1_80];

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pair(profile: Profile) -> (Outbound, Inbound) {
    let (key, salt) = (vec![7; profile.key_len()], vec![9; profile.salt_len()]);
    let outbound = Outbound::new(profile, &key, &salt).unwrap();
    (outbound, Inbound::new(profile, &key, &salt).unwrap())
}

fn plain(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 1]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(b"a payload of some bytes");
    packet
}

fn seal(outbound: &mut Outbound, ssrc: u32, index: u64) -> Vec<u8> {
    let mut packet = plain(ssrc, index as u16);
    outbound.seal_rtp((index >> 16) as u32, &mut packet, 0, 12).unwrap();
    packet
}

/// Opens the packet with this 48-bit index of one source.
fn deliver(outbound: &mut Outbound, inbound: &mut Inbound, index: u64) -> Result<(), SrtpError> {
    let mut packet = seal(outbound, 1, index);
    let len = inbound.open_rtp(&mut packet, 12)?;
    assert_eq!(packet[..len], plain(1, index as u16));
    Ok(())
}

#[test]
fn sealed_from_afar_is_sealed_as_in_place() {
    for profile in PROFILES {
        let (mut outbound, _) = pair(profile);
        for index in [0, 6, 0xffff, 0x1_0000, 0x1234_5678_9abc] {
            let expected = seal(&mut outbound, 0x8123_4567, index);
            let packet = plain(0x8123_4567, index as u16);
            let mut room = vec![0xee; expected.len() + 1];
            let roc = (index >> 16) as u32;
            let length = outbound.seal_rtp_into(roc, &packet[..12], &packet[12..], &mut room);
            assert_eq!(length, Ok(expected.len()));
            assert_eq!(room.split_last(), Some((&0xee, &expected[..])));
            room.truncate(expected.len() - 1);
            let refused = outbound.seal_rtp_into(roc, &packet[..12], &packet[12..], &mut room);
            assert_eq!(refused, Err(SrtpError::Truncated));
        }
        let mut room = [0; 100];
        assert_eq!(outbound.seal_rtp_into(0, &[0; 11], b"", &mut room), Err(SrtpError::Truncated));
    }
}

#[test]
fn rtp_survives_a_round_trip_behind_other_packets() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let mut buffer = b"an earlier packet".to_vec();
        let start = buffer.len();
        buffer.extend(plain(5, 6));
        outbound.seal_rtp(0, &mut buffer, start, 12).unwrap();
        assert_eq!(&buffer[..start], b"an earlier packet");
        assert_eq!(buffer.len() - start, plain(5, 6).len() + profile.tag_len());
        assert_ne!(buffer[start + 12..start + 20], plain(5, 6)[12..20]);
        let len = inbound.open_rtp(&mut buffer[start..], 12).unwrap();
        assert_eq!(buffer[start..start + len], plain(5, 6));
    }
}

#[test]
fn sealing_a_slice_is_sealing_a_buffer() {
    for profile in PROFILES {
        let (mut outbound, _) = pair(profile);
        let mut slice = plain(1, 2);
        slice.resize(slice.len() + profile.tag_len(), 0xee);
        outbound.seal_rtp_slice(0, &mut slice, 12).unwrap();
        assert_eq!(slice, seal(&mut outbound, 1, 2));
    }
}

#[test]
fn rtcp_survives_a_round_trip_once() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let compound = unhex("80c900010000000781ca00020000000701024142");
        for _ in 0..3 {
            let mut packet = compound.clone();
            outbound.seal_rtcp(&mut packet, 0).unwrap();
            assert_eq!(packet.len(), compound.len() + profile.rtcp_overhead());
            let mut again = packet.clone();
            let len = inbound.open_rtcp(&mut packet).unwrap();
            assert_eq!(packet[..len], compound);
            assert_eq!(inbound.open_rtcp(&mut again), Err(SrtpError::Replayed));
        }
    }
}

#[test]
fn rtcp_without_encryption_is_refused() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let mut packet = unhex("80c9000100000007");
        outbound.seal_rtcp(&mut packet, 0).unwrap();
        let word = match profile {
            Profile::AesCm128HmacSha1_80 => packet.len() - 14,
            _ => packet.len() - 4,
        };
        packet[word] &= 0x7f;
        assert_eq!(inbound.open_rtcp(&mut packet), Err(SrtpError::Unencrypted));
    }
}

#[test]
fn rollover_in_order() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        for index in (0xfff0..0x2_0010).step_by(7) {
            assert_eq!(deliver(&mut outbound, &mut inbound, index), Ok(()));
        }
    }
}

#[test]
fn rollover_out_of_order() {
    let (mut outbound, mut inbound) = pair(Profile::AeadAes128Gcm);
    for index in [0xfffe, 0x1_0001, 0xffff, 0x1_0000, 0x1_0002, 0xfffd] {
        assert_eq!(deliver(&mut outbound, &mut inbound, index), Ok(()), "{index:#x}");
    }
    for index in [0xfffe, 0x1_0000, 0xffff, 0x1_0001] {
        assert_eq!(deliver(&mut outbound, &mut inbound, index), Err(SrtpError::Replayed));
    }
}

#[test]
fn a_packet_from_before_the_first_cycle_is_too_old() {
    let (mut outbound, mut inbound) = pair(Profile::AeadAes128Gcm);
    assert_eq!(deliver(&mut outbound, &mut inbound, 1), Ok(()));
    assert_eq!(deliver(&mut outbound, &mut inbound, 0xffff), Err(SrtpError::TooOld));
}

#[test]
fn a_packet_behind_the_window_is_too_old() {
    let (mut outbound, mut inbound) = pair(Profile::AeadAes128Gcm);
    assert_eq!(deliver(&mut outbound, &mut inbound, 5_000), Ok(()));
    assert_eq!(deliver(&mut outbound, &mut inbound, 5_000 - 128), Ok(()));
    assert_eq!(deliver(&mut outbound, &mut inbound, 3_000), Err(SrtpError::TooOld));
}

#[test]
fn sources_are_independent() {
    let (mut outbound, mut inbound) = pair(Profile::AeadAes128Gcm);
    for ssrc in [1, 2, u32::MAX] {
        let mut packet = seal(&mut outbound, ssrc, 40_000);
        assert!(inbound.open_rtp(&mut packet, 12).is_ok());
        let mut again = seal(&mut outbound, ssrc, 40_000);
        assert_eq!(inbound.open_rtp(&mut again, 12), Err(SrtpError::Replayed));
    }
}

#[test]
fn the_table_of_sources_is_bounded() {
    let (mut outbound, mut inbound) = pair(Profile::AeadAes128Gcm);
    for ssrc in 0..MAX_SOURCES as u32 {
        assert!(inbound.open_rtp(&mut seal(&mut outbound, ssrc, 1), 12).is_ok());
    }
    let mut further = seal(&mut outbound, u32::MAX, 1);
    assert_eq!(inbound.open_rtp(&mut further, 12), Err(SrtpError::TooManySources));
    assert!(inbound.open_rtp(&mut seal(&mut outbound, 0, 2), 12).is_ok());
}

#[test]
fn forged_packets_leave_no_trace() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        for ssrc in 0..2 * MAX_SOURCES as u32 {
            let mut forged = plain(ssrc, 9);
            forged.extend_from_slice(&[0; 16]);
            assert_eq!(inbound.open_rtp(&mut forged, 12), Err(SrtpError::Authentication));
        }
        assert!(inbound.open_rtp(&mut seal(&mut outbound, 1, 9), 12).is_ok());
    }
}

#[test]
fn every_altered_byte_is_noticed() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let rtp = seal(&mut outbound, 1, 300);
        for at in 0..rtp.len() {
            let mut packet = rtp.clone();
            packet[at] ^= 0x10;
            assert_eq!(inbound.open_rtp(&mut packet, 12), Err(SrtpError::Authentication), "{at}");
        }
        let mut rtcp = unhex("80c900010000000780cb00010000000a");
        outbound.seal_rtcp(&mut rtcp, 0).unwrap();
        for at in 0..rtcp.len() {
            let mut packet = rtcp.clone();
            packet[at] ^= 0x10;
            assert_eq!(inbound.open_rtcp(&mut packet), Err(SrtpError::Authentication), "{at}");
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let rtp = seal(&mut outbound, 1, 300);
        let mut rtcp = unhex("80c900010000000780cb00010000000a");
        outbound.seal_rtcp(&mut rtcp, 0).unwrap();
        for len in 0..rtp.len() {
            assert!(inbound.open_rtp(&mut rtp[..len].to_vec(), 12).is_err());
        }
        let header_without_room = rtp.len() - profile.tag_len() + 1..rtp.len() + 2;
        for header_len in (0..12).chain(header_without_room) {
            assert!(inbound.open_rtp(&mut rtp.clone(), header_len).is_err());
        }
        for len in 0..rtcp.len() {
            assert!(inbound.open_rtcp(&mut rtcp[..len].to_vec()).is_err());
        }
        for len in 0..12 {
            let mut short = vec![0x80; len];
            assert_eq!(outbound.seal_rtp(0, &mut short, 0, 12), Err(SrtpError::Truncated));
            assert_eq!(outbound.seal_rtp(0, &mut short, len + 1, 12), Err(SrtpError::Truncated));
            let rtcp_fits = outbound.seal_rtcp(&mut short.clone(), 0).is_ok();
            assert_eq!(rtcp_fits, len >= 8);
            assert_eq!(short.len(), len);
        }
    }
}

#[test]
fn random_input_is_refused() {
    let mut rng = StdRng::seed_from_u64(3);
    for profile in PROFILES {
        let (_, mut inbound) = pair(profile);
        for _ in 0..20_000 {
            let mut packet = vec![0; rng.random_range(0..80)];
            rng.fill_bytes(&mut packet);
            let header_len = rng.random_range(0..90);
            assert!(inbound.open_rtp(&mut packet, header_len).is_err());
            assert!(inbound.open_rtcp(&mut packet).is_err());
        }
    }
}

#[test]
fn keys_of_the_wrong_length_are_refused() {
    for profile in PROFILES {
        let (key, salt) = (vec![1; profile.key_len()], vec![1; profile.salt_len()]);
        let refused = Inbound::new(profile, &key[1..], &salt).map(drop);
        assert_eq!(refused, Err(SrtpError::KeyLength));
        let refused = Outbound::new(profile, &key, &salt[1..]).map(drop);
        assert_eq!(refused, Err(SrtpError::KeyLength));
        let material = vec![0; profile.keying_material_len() + 1];
        assert!(profile.split(&material).is_err());
    }
}

#[test]
fn keying_material_is_split_in_the_order_of_the_rfc() {
    for profile in PROFILES {
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let material = [vec![1; key], vec![2; key], vec![3; salt], vec![4; salt]].concat();
        let split = profile.split(&material).unwrap();
        assert_eq!(split.client_key, vec![1; key]);
        assert_eq!(split.server_key, vec![2; key]);
        assert_eq!(split.client_salt, vec![3; salt]);
        assert_eq!(split.server_salt, vec![4; salt]);
        assert_eq!(Profile::from_id(profile.id()), Some(profile));
        assert!(!format!("{split:?}").contains('1'));
    }
    assert_eq!(Profile::from_id(0x0002), None);
}
