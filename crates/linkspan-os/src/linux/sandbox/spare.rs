//! What a parent of a program can do without of the memory that it is a copy of.
//!
//! Of each page that the host changes later, the copy would keep what was in it before; so hundreds of
//! megabytes for each program of a host that has as many. Needed is the code of this process, with its
//! data, and the stack of the one thread that the copy has. All else is given back, with the tables
//! that lead to it.
#![expect(unsafe_code, reason = "calls the system")]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;

/// Parts of the address space, as addresses. It holds them itself: memory for a list is among them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spare {
    gaps: [(usize, usize); MAX_GAPS],
}

impl Spare {
    /// What a copy of the calling thread can do without; nothing where the system does not tell.
    pub(super) fn of_this_thread() -> Self {
        let mut kept = objects();
        let mut gaps = [(0, 0); MAX_GAPS];
        let (Some(stack), Some(end)) = (stack(), end()) else {
            return Self { gaps };
        };
        kept.push(stack);
        let mut found = between(kept, end);
        // Small ones are of no use, and the list is short.
        found.sort_unstable_by_key(|gap| std::cmp::Reverse(gap.len()));
        for (place, gap) in gaps.iter_mut().zip(found) {
            *place = (gap.start, gap.len());
        }
        Self { gaps }
    }

    /// Gives it back. Only makes system calls.
    ///
    /// # Safety
    ///
    /// The calling process is a copy of that thread's, and uses nothing any more that was allocated.
    pub(super) unsafe fn give_back(&self) {
        for (start, length) in self.gaps {
            // SAFETY: by contract nothing in there is used any more. What the system does not give back
            // stays, which does no harm.
            unsafe { libc::munmap(ptr::without_provenance_mut::<c_void>(start), length) };
        }
    }
}

/// The gaps between what is kept, up to an end.
fn between(mut kept: Vec<Range<usize>>, end: usize) -> Vec<Range<usize>> {
    kept.sort_unstable_by_key(|part| part.start);
    let mut gaps = Vec::new();
    let mut next = 0;
    let last = end..end;
    for part in kept
        .into_iter()
        .filter(|part| part.start < end)
        .chain([last])
    {
        let (start, stop) = (down(part.start), up(part.end));
        if next < start {
            gaps.push(next..start);
        }
        next = next.max(stop);
    }
    gaps
}

/// The program and the libraries that are loaded, with their data.
fn objects() -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    // SAFETY: the function gets the pointer that is given here, and only while this call lasts.
    unsafe { libc::dl_iterate_phdr(Some(add_object), (&raw mut found).cast()) };
    found
}

unsafe extern "C" fn add_object(
    object: *mut libc::dl_phdr_info,
    _: libc::size_t,
    found: *mut c_void,
) -> libc::c_int {
    // SAFETY: the C library calls this with an object that it knows.
    let object = unsafe { &*object };
    // SAFETY: it is the list of the caller above, who waits meanwhile.
    let found = unsafe { &mut *found.cast::<Vec<Range<usize>>>() };
    if object.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: that many headers are there, as long as the object is loaded.
    let headers =
        unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
    let address = |offset| usize::try_from(object.dlpi_addr.wrapping_add(offset)).ok();
    let loaded = headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD);
    let parts = loaded.filter_map(|header| {
        let start = address(header.p_vaddr)?;
        Some(start..start.checked_add(usize::try_from(header.p_memsz).ok()?)?)
    });
    let whole = parts.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
    found.extend(whole);
    0
}

/// The calling thread's stack, with what the C library has of the thread above it.
fn stack() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: asks about the calling thread, and writes to the local.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: as above.
    if unsafe { libc::pthread_getattr_np(thread, attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut lowest, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the call above has initialised them; both pointers are to locals.
    let told =
        unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut size) };
    // SAFETY: they are not used any more.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    // SAFETY: only tells where it is.
    let errno = unsafe { libc::__errno_location() };
    let own = errno.addr().checked_add(OWN_BYTES)?;
    let stop = lowest.addr().checked_add(size)?.max(own);
    (told == 0).then(|| lowest.addr()..stop)
}

/// Where the arguments and the environment begin, by which system tools name this process; what is
/// above is needed for that.
fn end() -> Option<usize> {
    // SAFETY: only looks up a number.
    let random = unsafe { libc::getauxval(libc::AT_RANDOM) };
    usize::try_from(random).ok().filter(|at| *at != 0).map(down)
}

fn down(address: usize) -> usize {
    address & !(rustix::param::page_size() - 1)
}

fn up(address: usize) -> usize {
    down(address.saturating_add(rustix::param::page_size() - 1))
}

const MAX_GAPS: usize = 64;
/// More than any C library keeps of a thread behind its `errno`.
const OWN_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_is_between_whole_pages() {
        let page = rustix::param::page_size();
        let kept = vec![
            9 * page..10 * page,
            3 * page + 1..4 * page + 1,
            4 * page..5 * page,
            20 * page..21 * page,
        ];
        let expected = vec![0..3 * page, 5 * page..9 * page, 10 * page..12 * page];
        assert_eq!(between(kept, 12 * page), expected);
    }

    #[test]
    fn neither_code_nor_data_nor_the_stack_can_be_spared() {
        static DATA: [u8; 3] = *b"abc";
        let local = 0_u8;
        let allocated = vec![0_u8; 64 << 20];
        let code = neither_code_nor_data_nor_the_stack_can_be_spared as *const ();
        let spare = Spare::of_this_thread();
        let is_spare = |address: usize| {
            let mut gaps = spare.gaps.into_iter();
            gaps.any(|(start, length)| (start..start + length).contains(&address))
        };
        for address in [code.addr(), DATA.as_ptr().addr(), (&raw const local).addr()] {
            assert!(!is_spare(address), "{address:x}");
        }
        assert!(is_spare(allocated.as_ptr().addr() + (32 << 20)));
    }
}
