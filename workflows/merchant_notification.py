"""Tell a merchant of one event: again and again for days, until their server takes it.

A run of its own, started from the outbox: a checkout neither waits for it nor carries it in its history.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.messages import Delivered, DeliverNotification
    from activities.notifying import Notifying
    from workflows.messages import NotifyInput
    from workflows.options import NOTIFICATION_ENDING, NOTIFICATION_RETRIES, NOTIFICATION_TIMEOUT


def notification_queue(task_queue: str) -> str:
    """The queue of the deliveries, beside the one of everything else."""
    return f"{task_queue}-notifications"


@workflow.defn
class MerchantNotification:
    @workflow.run
    async def run(self, task: NotifyInput) -> Delivered:
        notification = DeliverNotification(notification_id=task.notification_id)
        try:
            return await workflow.execute_activity_method(
                Notifying.deliver_notification,
                notification,
                task_queue=task.task_queue,
                start_to_close_timeout=NOTIFICATION_TIMEOUT,
                schedule_to_close_timeout=timedelta(seconds=task.give_up_after),
                retry_policy=NOTIFICATION_RETRIES,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
        return await workflow.execute_activity_method(
            Notifying.give_up_notification,
            notification,
            task_queue=task.task_queue,
            start_to_close_timeout=NOTIFICATION_TIMEOUT,
            retry_policy=NOTIFICATION_ENDING,
        )
