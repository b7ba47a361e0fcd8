/** What to do about an alert, as docs/operations.md tells it. Longest beginning first. */
const TO_DO: [string, string][] = [
  ["checkout.in_review.risk", "Look at what screening says, and decide in time."],
  ["checkout.in_review", "Ask the gateway, then decide."],
  ["outcome.mismatch", "Ask the gateway what it charged, then decide."],
  ["attempt.late_success", "Nothing, unless compensation is stopped: it goes back by itself."],
  ["compensation.refused", "Give it back at the gateway's dashboard."],
  ["compensation.several", "One goes back by itself: give the others back at the gateway's dashboard."],
  ["compensation.disputed", "Nothing: it went back through the customer's bank."],
  ["dispute.opened", "Answer it at the gateway's dashboard."],
  ["dispute.lost", "Nothing more can be done at the gateway."],
  ["refund.no_credentials", "Check the account's keys and settings."],
  ["refund.", "Ask the gateway."],
  ["account.circuit", "Look at the gateway's status page; checkouts go elsewhere meanwhile."],
  ["account.", "Check the account's keys and settings."],
  ["dispute.no_credentials", "Check the account's keys and settings."],
  ["notification.undeliverable", "Tell the merchant; send it again from the checkout's page."],
  ["switch.frozen", "Let it run again when it is over."],
  ["capture.failed", "Ask the gateway: the bank did not pay what counted as taken."],
  ["screening.burst", "Look at why so many are stopped, and tell the merchant."],
  ["operator.locked", "Ask whether it was them; let them in again on the page Operators."],
  ["reconciliation.", "Compare with the gateway's books."],
];

export function toDo(kind: string): string {
  return TO_DO.find(([start]) => kind.startsWith(start))?.[1] ?? "Look at what it is about.";
}
