#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ieee1815_fuzz::decode::decode(data));
