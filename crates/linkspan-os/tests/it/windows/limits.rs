use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use linkspan_os::{
    descriptor_limit, is_descriptor_exhaustion, peak_memory_bytes, random_bytes,
    resident_memory_bytes, runtime_directory, thread_cpu_time,
};

#[test]
fn a_thread_that_computes_uses_time_and_one_that_waits_does_not() {
    let before = thread_cpu_time();
    let deadline = Instant::now() + Duration::from_secs(30);
    while thread_cpu_time() < before + Duration::from_millis(50) {
        assert!(Instant::now() < deadline, "time passes");
        black_box((0..10_000_u64).sum::<u64>());
    }
    let waiting = std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(100));
        thread_cpu_time()
    });
    assert!(waiting.join().unwrap() < Duration::from_millis(50));
}

#[test]
fn memory_that_is_used_is_seen() {
    const BYTES: usize = 64 << 20;
    let before = resident_memory_bytes().unwrap();
    let used = black_box(vec![1_u8; BYTES]);
    let after = resident_memory_bytes().unwrap();
    assert!(after >= before + BYTES as u64 / 2, "{before} {after}");
    drop(used);
    let peak = peak_memory_bytes().unwrap();
    assert!(peak >= before + BYTES as u64 / 2, "{before} {peak}");
}

#[test]
fn exhaustion_is_told_from_other_errors() {
    for code in [4, 8, 14, 1450, 1455, 1816, 10_024, 10_055] {
        let error = io::Error::from_raw_os_error(code);
        assert!(is_descriptor_exhaustion(&error), "{code}");
    }
    for code in [2, 5, 109, 231, 232, 10_054] {
        let error = io::Error::from_raw_os_error(code);
        assert!(!is_descriptor_exhaustion(&error), "{code}");
    }
    assert!(!is_descriptor_exhaustion(&io::ErrorKind::WouldBlock.into()));
    assert_eq!(descriptor_limit(), None);
}

#[test]
fn files_of_running_programs_have_a_place() {
    let path = runtime_directory().unwrap();
    assert!(
        path.is_absolute() && path.ends_with(r"linkspan\run"),
        "{path:?}"
    );
}

#[test]
fn randomness_is_there() {
    assert_ne!(random_bytes::<32>().unwrap(), random_bytes::<32>().unwrap());
}
