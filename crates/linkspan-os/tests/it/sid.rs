use std::collections::HashSet;

use linkspan_os::{PeerCredentials, Sid, User};

#[test]
fn text_comes_back_as_it_was() {
    for text in [
        "S-1-0-0",
        "S-1-5-18",
        "S-1-5-32-544",
        "S-1-5-21-3623811015-3361044348-30300820-1013",
        "S-1-4294967295-1",
        "S-1-0x000100000000-1",
        "S-1-0xffffffffffff-4294967295",
        "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15",
        "S-1-5",
    ] {
        let sid: Sid = text.parse().unwrap();
        assert_eq!(sid.to_string(), text);
    }
}

#[test]
fn what_is_no_identifier_is_refused() {
    for text in [
        "",
        "S",
        "S-1",
        "S-1-",
        "S-1-5-",
        "S-1--5",
        "S-2-5-18",
        "S-1-5-4294967296",
        "S-1-5-+18",
        "S-1-5-0x12",
        "S-1-281474976710656-1",
        "S-1-0x1000000000000-1",
        " S-1-5-18",
        "S-1-5-18 ",
        "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
    ] {
        let error = text.parse::<Sid>().unwrap_err();
        assert_eq!(error.text, text);
    }
    let error = "uid:0".parse::<Sid>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"uid:0\" is not a security identifier such as S-1-5-18, \
         with at most 15 numbers after the authority"
    );
}

#[test]
fn the_binary_form_is_read_and_nothing_else() {
    let bytes = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
    assert_eq!(Sid::from_bytes(&bytes), Some(Sid::ADMINISTRATORS));
    for length in 0..bytes.len() {
        assert_eq!(Sid::from_bytes(&bytes[..length]), None, "{length}");
    }
    assert_eq!(Sid::from_bytes(&[bytes.as_slice(), &[0]].concat()), None);
    let with = |at: usize, value: u8| {
        let mut changed = bytes;
        changed[at] = value;
        Sid::from_bytes(&changed)
    };
    assert_eq!(with(0, 2), None, "another revision");
    assert_eq!(with(1, 3), None, "a number too few");
    let sixteen = [vec![1, 16, 0, 0, 0, 0, 0, 5], vec![0; 64]].concat();
    assert_eq!(Sid::from_bytes(&sixteen), None);
    let large = [1, 1, 0, 1, 0, 0, 0, 0, 7, 0, 0, 0];
    let large = Sid::from_bytes(&large).unwrap();
    assert_eq!(large.to_string(), "S-1-0x000100000000-7");
}

#[test]
fn identifiers_that_differ_are_not_equal() {
    let texts = ["S-1-5", "S-1-5-0", "S-1-5-0-0", "S-1-5-18", "S-1-1-0"];
    let sids: HashSet<Sid> = texts.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(sids.len(), texts.len());
}

#[test]
fn users_of_both_systems_show_who_they_are() {
    let unix = PeerCredentials::new(User::Unix { uid: 7, gid: 8 }, None);
    let windows = PeerCredentials::new(User::Windows { sid: Sid::SYSTEM }, Some(9));
    assert_eq!((unix.uid(), unix.sid()), (Some(7), None));
    assert_eq!((windows.uid(), windows.sid()), (None, Some(Sid::SYSTEM)));
    assert_eq!(unix.user.to_string(), "uid:7");
    assert_eq!(windows.user.to_string(), "sid:S-1-5-18");
}
