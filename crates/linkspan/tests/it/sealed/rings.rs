use std::fs;

use linkspan::auth::seal::{Algorithm, KeyRing, RingError};

fn made() -> (tempfile::TempDir, std::path::PathBuf, KeyRing) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("private").join("app.ring");
    let ring = KeyRing::create(&path, Algorithm::ChaCha20Poly1305).unwrap();
    (directory, path, ring)
}

#[test]
fn what_is_written_is_read() {
    let (_directory, path, ring) = made();
    let again = KeyRing::open(&path).unwrap();
    assert_eq!(again.list(), ring.list());
    let [key] = &again.list()[..] else { panic!() };
    assert_eq!(key.algorithm, Algorithm::ChaCha20Poly1305);
    assert!(key.is_current);
}

#[test]
fn a_ring_is_not_made_in_the_place_of_another() {
    let (_directory, path, ring) = made();
    let error = KeyRing::create(&path, Algorithm::Aes256Gcm).unwrap_err();
    assert!(matches!(error, RingError::Exists { .. }), "{error}");
    assert_eq!(KeyRing::open(&path).unwrap().list(), ring.list());
    let missing = path.with_extension("none");
    let error = KeyRing::open(&missing).unwrap_err();
    assert!(matches!(error, RingError::Missing { .. }), "{error}");
}

#[test]
#[cfg(unix)]
fn a_ring_that_others_can_read_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let (_directory, path, ring) = made();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for mode in [0o640, 0o604] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = KeyRing::open(&path).unwrap_err();
        assert!(matches!(error, RingError::File(_)), "{error}");
        ring.rotate(&linkspan::auth::seal::Rotate::default())
            .unwrap_err();
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let link = path.with_extension("link");
    symlink(&path, &link).unwrap();
    let error = KeyRing::open(&link).unwrap_err();
    assert!(matches!(error, RingError::File(_)), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused_without_showing_it() {
    let (_directory, path, ring) = made();
    let text = fs::read_to_string(&path).unwrap();
    let secret = text.split_whitespace().last().unwrap().to_owned();
    assert_eq!(secret.len(), 64);
    let broken = [
        String::new(),
        text.replace("ring 1", "ring 2"),
        text.replace("chacha20", "chacha21"),
        text.replace(&secret, &secret[1..]),
        text.replace(&secret, &secret.replacen(&secret[..1], "g", 1)),
        text.replace("key ", "kez "),
        text.lines().next().unwrap().to_owned(),
        text.replace(" 1", " x"),
    ];
    for broken in broken {
        fs::write(&path, &broken).unwrap();
        let error = KeyRing::open(&path).unwrap_err();
        assert!(
            matches!(error, RingError::Malformed { .. }),
            "{error}: {broken}"
        );
        assert!(!format!("{error} {error:?}").contains(&secret[1..]));
        ring.reload().unwrap_err();
        assert_eq!(ring.list().len(), 1, "it keeps what it has");
    }
    assert!(!format!("{ring:?}").contains(&secret));
}
