//! Arguments and environments as the system takes them: each as one text.
#![expect(unsafe_code, reason = "calls the system")]

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;

/// A program's name and arguments, so that it takes them apart as they were.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidInput`] for a zero in one of them; and for a batch file, whose
/// interpreter reads arguments in other ways, so that they could become commands.
pub(crate) fn command_line(program: &Path, arguments: &[OsString]) -> io::Result<Vec<u16>> {
    let extension = program.extension().unwrap_or_default();
    if ["bat", "cmd"]
        .iter()
        .any(|batch| extension.eq_ignore_ascii_case(batch))
    {
        return Err(invalid("batch files cannot be started as daemons"));
    }
    let mut line = Vec::new();
    append_quoted(&mut line, program.as_os_str(), true)?;
    for argument in arguments {
        line.push(SPACE);
        append_quoted(&mut line, argument, false)?;
    }
    line.push(0);
    Ok(line)
}

/// The variables one after the other, each with a zero at the end, and one more zero. `SystemRoot` is
/// added from this process's, as hardly any program can do without.
pub(crate) fn environment_block<'a>(
    variables: impl Iterator<Item = &'a (OsString, OsString)>,
) -> io::Result<Vec<u16>> {
    let mut variables: Vec<_> = variables.cloned().collect();
    let has_root = |(name, _): &(OsString, OsString)| name.eq_ignore_ascii_case(SYSTEM_ROOT);
    if let Some(root) = std::env::var_os(SYSTEM_ROOT)
        && !variables.iter().any(has_root)
    {
        variables.push((SYSTEM_ROOT.into(), root));
    }
    // The system looks names up in this order.
    variables.sort_by_cached_key(|(name, _)| name.to_ascii_uppercase());
    let mut block = Vec::new();
    for (name, value) in &variables {
        block.extend(units(name)?);
        block.push(u16::from(b'='));
        block.extend(units(value)?);
        block.push(0);
    }
    block.push(0);
    Ok(block)
}

/// The directory of the system, which nobody will want to remove.
pub(crate) fn system_directory() -> io::Result<OsString> {
    let mut text = [0; 260];
    // SAFETY: the pointer is to a local that has room for so many characters.
    let length = unsafe { GetSystemDirectoryW(text.as_mut_ptr(), 260) };
    let length = usize::try_from(length).map_err(io::Error::other)?;
    match text.get(..length) {
        None | Some([]) => Err(io::Error::last_os_error()),
        Some(text) => Ok(OsString::from_wide(text)),
    }
}

/// Programs take backslashes as they are, but for those before a quote.
fn append_quoted(line: &mut Vec<u16>, text: &OsStr, always: bool) -> io::Result<()> {
    let text = units(text)?;
    let is_special = |unit: &u16| [SPACE, TAB, QUOTE].contains(unit);
    let quoted = always || text.is_empty() || text.iter().any(is_special);
    if quoted {
        line.push(QUOTE);
    }
    let mut backslashes = 0;
    for unit in text {
        match unit {
            BACKSLASH => backslashes += 1,
            QUOTE => line.extend(std::iter::repeat_n(BACKSLASH, backslashes + 1)),
            _ => {}
        }
        if unit != BACKSLASH {
            backslashes = 0;
        }
        line.push(unit);
    }
    if quoted {
        line.extend(std::iter::repeat_n(BACKSLASH, backslashes));
        line.push(QUOTE);
    }
    Ok(())
}

fn units(text: &OsStr) -> io::Result<Vec<u16>> {
    let units: Vec<u16> = text.encode_wide().collect();
    if units.contains(&0) {
        return Err(invalid("an argument or a variable holds a zero"));
    }
    Ok(units)
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

const SYSTEM_ROOT: &str = "SystemRoot";
const SPACE: u16 = b' ' as u16;
const TAB: u16 = b'\t' as u16;
const QUOTE: u16 = b'"' as u16;
const BACKSLASH: u16 = b'\\' as u16;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arguments: &[&str]) -> String {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        let line = command_line(Path::new(r"C:\a b\x.exe"), &arguments).unwrap();
        String::from_utf16(line.strip_suffix(&[0]).unwrap()).unwrap()
    }

    #[test]
    fn arguments_are_quoted_as_far_as_needed() {
        for (argument, quoted) in [
            ("plain", "plain"),
            ("", r#""""#),
            ("a b", r#""a b""#),
            (r"C:\dir\", r"C:\dir\"),
            (r"C:\a dir\", r#""C:\a dir\\""#),
            (r#"say "hi""#, r#""say \"hi\"""#),
            (r#"a\"b"#, r#""a\\\"b""#),
            (r#"\\"#, r"\\"),
        ] {
            assert_eq!(line(&[argument]), format!(r#""C:\a b\x.exe" {quoted}"#));
        }
    }

    #[test]
    fn what_would_be_read_differently_is_refused() {
        for name in [r"C:\x.bat", r"C:\x.CMD"] {
            let error = command_line(Path::new(name), &[]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        let zero = [OsString::from("a\0b")];
        let error = command_line(Path::new(r"C:\x.exe"), &zero).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
