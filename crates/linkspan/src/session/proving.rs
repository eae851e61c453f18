//! Who is who, while a session opens.

use std::sync::Arc;

use proto::Role;
use proto::error::HandshakeError;
use proto::session::{Agreement, Handshake};

use crate::auth::{
    Asked, Authentication, Credential, Denial, Grant, Lease, Presented, Proved, Refused,
};
use crate::session::{Config, ConnectError};
use crate::transport::Peer;

/// The part of a side in proving who the client is.
pub(super) enum Proving<'a> {
    /// A client without credential, or a server that asks for none.
    Nothing,
    /// A client that can prove who it is.
    Client {
        credential: &'a Credential,
        /// What it said, once it was asked.
        proved: Option<Proved>,
    },
    /// A server that wants to know.
    Server {
        authentication: &'a Authentication,
        /// Who the client is by the transport's knowledge.
        standing: Option<Result<Grant, Denial>>,
        lease: Option<Arc<Lease>>,
        /// The client was judged; nothing else is to be noted.
        is_judged: bool,
    },
}

impl<'a> Proving<'a> {
    /// Prepares it, and says in the terms what can be proved, and whether it has to be.
    pub(super) fn new(
        role: Role,
        config: &'a Config,
        peer: &Peer,
        terms: &mut proto::Config,
    ) -> Self {
        match (role, &config.authentication, &config.credential) {
            (Role::Client, _, Some(credential)) => {
                terms.auth = credential.methods(peer);
                // On a link that others may have got hold of, silence may be theirs.
                terms.auth_required = !peer.is_private();
                Self::Client {
                    credential,
                    proved: None,
                }
            }
            (Role::Server, Some(authentication), _) => {
                let standing = authentication.standing(peer);
                terms.auth = standing.methods;
                terms.auth_required = standing.grant.is_err();
                Self::Server {
                    authentication,
                    standing: Some(standing.grant),
                    lease: None,
                    is_judged: false,
                }
            }
            _ => Self::Nothing,
        }
    }

    /// Goes on after a frame of the peer's: proves, judges, or checks what the server proved. Gives
    /// the agreement once nothing is missing.
    pub(super) fn go_on(
        &mut self,
        peer: &mut Peer,
        handshake: &mut Handshake,
        agreed: Option<Agreement>,
    ) -> Result<Option<Agreement>, ConnectError> {
        match self {
            Self::Nothing => Ok(agreed),
            Self::Client { credential, proved } => {
                let Some(agreement) = agreed else {
                    *proved = prove(credential, peer, handshake)?;
                    return Ok(None);
                };
                check(proved.as_ref(), &agreement)?;
                Ok(Some(agreement))
            }
            Self::Server {
                authentication,
                standing,
                lease,
                is_judged,
            } => {
                *is_judged = true;
                let (granted, agreement) = match agreed {
                    Some(agreement) => {
                        let standing = standing.take().unwrap_or(Err(Denial::NoCredential));
                        let grant = authentication.judge_standing(peer, standing);
                        let lease = Lease::of_peer(authentication, grant.map_err(refused)?);
                        (lease, Some(agreement))
                    }
                    None => match judge(authentication, peer, handshake)? {
                        Some((lease, agreement)) => (lease, Some(agreement)),
                        None => {
                            *is_judged = false;
                            return Ok(None);
                        }
                    },
                };
                peer.proved = Some(Arc::clone(granted.principal()));
                *lease = Some(Arc::new(granted));
                Ok(agreement)
            }
        }
    }

    /// Takes note of an opening that failed, if a client that was not judged yet is why.
    pub(super) fn note_failure(&self, peer: &Peer, error: &HandshakeError) {
        if let Self::Server {
            authentication,
            is_judged: false,
            ..
        } = self
        {
            authentication.note_failure(peer, error);
        }
    }

    /// What was granted.
    pub(super) fn take_lease(&mut self) -> Option<Arc<Lease>> {
        match self {
            Self::Server { lease, .. } => lease.take(),
            _ => None,
        }
    }
}

/// Has a client prove who it is, if it is asked.
fn prove(
    credential: &Credential,
    peer: &Peer,
    handshake: &mut Handshake,
) -> Result<Option<Proved>, ConnectError> {
    let Some((_, transcript)) = handshake.challenge() else {
        return Ok(None);
    };
    let proved = credential
        .prove(&Asked {
            transcript,
            channel: peer.channel.as_ref(),
            round: 0,
        })
        .map_err(ConnectError::Credential)?;
    handshake.prove(proved.proof.clone());
    Ok(Some(proved))
}

/// Checks that a server knows the key, too.
fn check(proved: Option<&Proved>, agreement: &Agreement) -> Result<(), HandshakeError> {
    match (proved, &agreement.accepted) {
        (Some(proved), Some(accepted)) if !proved.is_confirmed_by(accepted) => {
            Err(HandshakeError::Impostor)
        }
        _ => Ok(()),
    }
}

/// Has a server judge what a client said, if it said something.
fn judge(
    authentication: &Authentication,
    peer: &Peer,
    handshake: &mut Handshake,
) -> Result<Option<(Lease, Agreement)>, ConnectError> {
    let Some(claim) = handshake.claim() else {
        return Ok(None);
    };
    let given = Presented {
        method: claim.method,
        proof: claim.proof,
        transcript: claim.transcript,
        round: 0,
    };
    let grant = authentication.judge(peer, given).map_err(refused)?;
    let (answer, transcript) = (grant.answer, claim.transcript.clone());
    let lease = Lease::of_claim(authentication, grant, transcript);
    let agreement = handshake.accept(lease.accepted(answer));
    Ok(agreement.map(|agreement| (lease, agreement)))
}

fn refused(refused: Refused) -> HandshakeError {
    refused.into()
}
