//! What the beginning of a program in ELF says of it.

/// What the beginning of a program in ELF says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Elf {
    /// The number of the machine that it is for.
    machine: u16,
    is_little_endian: bool,
    /// The program that loads it and its libraries, if it needs one.
    pub(super) loader: Option<String>,
}

impl Elf {
    /// Reads the first bytes of a file; none if it is no ELF, or too little of it is there.
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        let reader = Reader::new(head)?;
        let (table, entry_size, entries) = match reader.is_wide {
            true => (reader.number(32, 8)?, 54, 56),
            false => (reader.number(28, 4)?, 42, 44),
        };
        let entry_bytes = usize::try_from(reader.number(entry_size, 2)?).ok()?;
        let entries = usize::try_from(reader.number(entries, 2)?).ok()?;
        let table = usize::try_from(table).ok()?;
        let places = (0..entries).map(|entry| table.saturating_add(entry * entry_bytes));
        let loader = places.filter_map(|place| reader.loader(place)).next();
        Some(Self {
            machine: u16::try_from(reader.number(18, 2)?).ok()?,
            is_little_endian: reader.is_little_endian,
            loader,
        })
    }

    /// The machine that it is for, named as by [`std::env::consts::ARCH`].
    pub(super) fn architecture(&self) -> String {
        let little = self.is_little_endian;
        let known = match self.machine {
            2 | 18 => "sparc",
            3 => "x86",
            8 => "mips",
            20 => "powerpc",
            21 if little => "powerpc64le",
            21 => "powerpc64",
            22 => "s390x",
            40 => "arm",
            43 => "sparc64",
            62 => "x86_64",
            183 => "aarch64",
            243 => "riscv64",
            258 => "loongarch64",
            number => return format!("machine {number}"),
        };
        known.to_owned()
    }

    /// Whether it is for the sort of machine that this program runs on.
    pub(super) fn is_for_here(&self) -> bool {
        let here = match std::env::consts::ARCH {
            "powerpc64" if cfg!(target_endian = "little") => "powerpc64le",
            here => here,
        };
        self.architecture() == here
    }
}

/// Numbers in such a file.
struct Reader<'a> {
    head: &'a [u8],
    is_wide: bool,
    is_little_endian: bool,
}

impl<'a> Reader<'a> {
    fn new(head: &'a [u8]) -> Option<Self> {
        let rest = head.strip_prefix(b"\x7fELF")?;
        let [class, order, ..] = rest else {
            return None;
        };
        Some(Self {
            head,
            is_wide: *class == 2,
            is_little_endian: *order == 1,
        })
    }

    /// An unsigned number of so many bytes.
    fn number(&self, at: usize, bytes: usize) -> Option<u64> {
        let bytes = self.head.get(at..at.checked_add(bytes)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self.is_little_endian {
            true => bytes.iter().rev().fold(0, add),
            false => bytes.iter().fold(0, add),
        })
    }

    /// The path in a segment that names the loader.
    fn loader(&self, segment: usize) -> Option<String> {
        if self.number(segment, 4)? != INTERPRETER {
            return None;
        }
        let (offset, length) = match self.is_wide {
            true => (
                self.number(segment.checked_add(8)?, 8)?,
                segment.checked_add(32)?,
            ),
            false => (
                self.number(segment.checked_add(4)?, 4)?,
                segment.checked_add(16)?,
            ),
        };
        let length = self.number(length, if self.is_wide { 8 } else { 4 })?;
        let offset = usize::try_from(offset).ok()?;
        let end = offset.checked_add(usize::try_from(length).ok()?)?;
        let path = self.head.get(offset..end)?;
        let path = path.strip_suffix(b"\0").unwrap_or(path);
        String::from_utf8(path.to_owned()).ok()
    }
}

/// `PT_INTERP`.
const INTERPRETER: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with one segment, which names its loader.
    fn program(machine: u16) -> Vec<u8> {
        let mut bytes = vec![0; 200];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64] = 3;
        bytes[72] = 120;
        bytes[96] = 8;
        bytes[120..128].copy_from_slice(b"/lib/ld\0");
        bytes
    }

    #[test]
    fn machine_and_loader_are_read() {
        let elf = Elf::read(&program(183)).unwrap();
        assert_eq!(elf.architecture(), "aarch64");
        assert_eq!(elf.loader.as_deref(), Some("/lib/ld"));
        assert_eq!(
            Elf::read(&program(9999)).unwrap().architecture(),
            "machine 9999"
        );
    }

    #[test]
    fn no_bytes_do_harm() {
        let whole = program(62);
        for length in 0..whole.len() {
            Elf::read(&whole[..length]);
        }
        for place in 4..whole.len() {
            let mut changed = whole.clone();
            changed[place] = 0xff;
            Elf::read(&changed);
        }
        assert_eq!(Elf::read(b"#!/bin/sh\n"), None);
    }
}
