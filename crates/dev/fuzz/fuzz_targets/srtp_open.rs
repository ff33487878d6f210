#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| roomline_fuzz::srtp_open(data));
