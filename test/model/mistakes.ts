/** Mistakes that can be put into the model. Each has a test that the explorer finds it. */

export const MISTAKES = [
  /** The fence closes while writes that were let in are not committed. */
  'the fence does not wait for writers',
  /** Clients are asked to wait, and nothing refuses those who do not. */
  'the hold takes the place of the fence',
  /** The old side has no gate triggers: clients that know no board write on. */
  'the old side is not armed',
  /** What is drained is what was queued before the fence. */
  'the position is taken before the fence',
  /** The first writes on the new side are not on their way back. */
  'the reverse capture comes after the switch',
  'the new side opens before the commit',
  'clients are released before the commit',
  /** The journal's authority is written without a look at the lease: an old run that drained long ago commits. */
  'the commit does not ask for the lease',
  /** A commit whose answer was lost is taken for one that failed. */
  'an unclear commit counts as failed',
  /** The journal is read while a commit without an answer may still take effect. */
  'the journal is read beside a pending commit',
  'a resumed run does not look at the fences',
  /** A resumed run goes by what it was about to do, not by the journal. */
  'a resumed run opens the side it was going to',
  /** An old run opens or closes a side after a newer one has taken it. */
  'the fence does not know old runs',
  /** An old run writes to a side what it had read before a newer one took it. */
  'sync does not know old runs',
  'changes are acknowledged before they are applied',
  /** The board takes a release of an older epoch. */
  'the board takes any epoch',
] as const
export type Mistake = (typeof MISTAKES)[number]
