//! Quotas at work.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::auth::Principal;
use crate::auth::policy::{Access, Capability};
use crate::auth::quota::account::Account;
use crate::auth::quota::{Place, Quota, Quotas};
use crate::clock;
use crate::pace::Pace;

/// Keeps principals to quotas.
#[derive(Debug)]
pub(crate) struct Limiter {
    quotas: Quotas,
    rules: Vec<Rule>,
    /// Buckets count from here.
    started: Instant,
    accounts: Mutex<Accounts>,
    /// Of those for whom there is no room.
    shared: Arc<Account>,
}

#[derive(Debug, Default)]
struct Accounts {
    known: HashMap<String, Arc<Account>>,
    /// When to look next for those that can be forgotten.
    sweep_ns: u64,
}

/// A quota as it is kept to.
#[derive(Debug)]
struct Rule {
    within: Capability,
    name: Arc<str>,
    pace: Option<Pace>,
    max_concurrent: Option<u32>,
}

/// Somebody wants more than its quota.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excess {
    /// Of what it is too much.
    pub bound: Bound,
    /// The right within which the quota holds, `*` for that of everything together.
    pub rule: Arc<str>,
    /// When to try again: with a rate exactly, else by experience.
    pub retry_after: Duration,
    /// Excesses of the same principal of which nobody was told before.
    pub untold: u64,
}

/// What there can be too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bound {
    /// Operations in a time.
    Rate,
    /// Operations at once.
    Concurrency,
}

/// An excess, and whether somebody should be told.
pub(crate) struct Refused {
    pub(crate) excess: Excess,
    pub(crate) is_news: bool,
}

impl Limiter {
    /// None if the quotas limit nothing.
    pub(crate) fn new(quotas: Quotas) -> Option<Self> {
        if quotas.is_unlimited() {
            return None;
        }
        let everything = Rule::new(Capability::EVERYTHING, quotas.everything);
        let operations = quotas.operations.iter();
        let operations = operations.map(|(within, quota)| Rule::new(within.clone(), *quota));
        let rules: Vec<_> = std::iter::once(everything).chain(operations).collect();
        Some(Self {
            shared: Arc::new(Account::new(rules.len())),
            rules,
            started: clock::now(),
            accounts: Mutex::default(),
            quotas,
        })
    }

    pub(crate) fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Principals of whom it is known what they have used.
    pub(crate) fn principals(&self) -> usize {
        self.lock().known.len()
    }

    /// Takes what one operation on all of these costs, by every rule or by none.
    pub(crate) fn take(
        &self,
        principal: &Principal,
        accesses: &[Access<'_>],
    ) -> Result<Place, Refused> {
        if self.quotas.owner_is_exempt && principal.is_owner() {
            return Ok(Place::default());
        }
        let now_ns = self.now_ns();
        let account = self.account(&principal.name, now_ns);
        let charged = self.rules.iter().zip(account.uses.iter()).enumerate();
        let charged = charged.filter(|(_, (rule, _))| rule.concerns(accesses));
        let mut place = Place::of(&account);
        for (index, (rule, used)) in charged.clone() {
            match rule.max_concurrent {
                Some(most) if used.enter(most) => place.entered(index),
                Some(_) => {
                    return Err(rule.refused(Bound::Concurrency, ROOM_SOON, &account, now_ns));
                }
                None => {}
            }
        }
        let paces = charged.filter_map(|(_, (rule, used))| Some((rule, rule.pace?, used)));
        for (taken, (rule, pace, used)) in paces.clone().enumerate() {
            if let Err(wait) = pace.take(&used.bucket, now_ns) {
                let before = paces.take(taken);
                before.for_each(|(_, pace, used)| pace.give_back(&used.bucket));
                return Err(rule.refused(Bound::Rate, wait, &account, now_ns));
            }
        }
        Ok(place)
    }

    fn account(&self, name: &str, now_ns: u64) -> Arc<Account> {
        let mut accounts = self.lock();
        if let Some(account) = accounts.known.get(name) {
            return Arc::clone(account);
        }
        let most = self.quotas.max_principals;
        if accounts.known.len() >= most && accounts.sweep_ns <= now_ns {
            accounts.sweep(now_ns);
        }
        if accounts.known.len() >= most {
            return Arc::clone(&self.shared);
        }
        let account = Arc::new(Account::new(self.rules.len()));
        accounts.known.insert(name.to_owned(), Arc::clone(&account));
        account
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ns(&self) -> u64 {
        let since = clock::now().saturating_duration_since(self.started);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Accounts {
    /// Forgets those that are as if they were new.
    fn sweep(&mut self, now_ns: u64) {
        // Whoever just got one holds it.
        let is_wanted = |account: &Arc<Account>| Arc::strong_count(account) > 1;
        self.known
            .retain(|_, account| is_wanted(account) || !account.is_unused(now_ns));
        self.sweep_ns = now_ns.saturating_add(SWEEP_INTERVAL_NS);
    }
}

impl Rule {
    fn new(within: Capability, quota: Quota) -> Self {
        let pace = quota.per_minute.map(|per_minute| {
            let of_a_second = (per_minute.get() / 60).max(1);
            let burst = quota.burst.map_or(of_a_second, u32::from);
            Pace::new(per_minute.get(), MINUTE, burst)
        });
        Self {
            name: within.to_string().into(),
            within,
            pace,
            max_concurrent: quota.max_concurrent.map(u32::from),
        }
    }

    /// What is about nothing that there are rights to still belongs to everything.
    fn concerns(&self, accesses: &[Access<'_>]) -> bool {
        match accesses {
            [] => self.within == Capability::EVERYTHING,
            accesses => accesses.iter().any(|access| self.within.concerns(access)),
        }
    }

    fn refused(
        &self,
        bound: Bound,
        retry_after: Duration,
        account: &Account,
        now_ns: u64,
    ) -> Refused {
        let untold = account.excess(now_ns);
        Refused {
            excess: Excess {
                bound,
                rule: Arc::clone(&self.name),
                retry_after,
                untold: untold.unwrap_or_default(),
            },
            is_news: untold.is_some(),
        }
    }
}

impl Bound {
    /// A name that stays the same for ever.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Concurrency => "concurrency",
        }
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bound, rule) = (self.bound.name(), &self.rule);
        write!(f, "the {bound} for {rule} is used up")?;
        match self.untold {
            0 => Ok(()),
            untold => write!(f, "; {untold} times before without a word"),
        }
    }
}

/// Looking at all accounts takes its time, in which others wait.
const SWEEP_INTERVAL_NS: u64 = 1_000_000_000;
const MINUTE: Duration = Duration::from_secs(60);
/// Nobody knows when what is under way ends.
const ROOM_SOON: Duration = Duration::from_millis(250);
