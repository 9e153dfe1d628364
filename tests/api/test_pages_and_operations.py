"""Whatever a page does, the API does: each page has its operations, or a reason why it has none."""

from flask import Flask

from remas.api.spec import DESCRIBED

AUTH = "signing in with a browser: programs have tokens"
ASSET = "a file of the pages"

OPERATIONS = {
    # administration
    "admin.home": "list_attention",
    "admin.audit_list": "list_audit",
    "admin.contradiction_list": "list_contradictions",
    "admin.resource_aliases": "list_aliases post_alias get_alias patch_alias",
    "admin.resource_alias_delete": "delete_alias",
    "admin.resource_list": "list_resources",
    "admin.resource_new": "post_resource",
    "admin.resource_edit": "get_resource patch_resource",
    "admin.resource_delete": "delete_resource",
    "admin.resource_history": "list_audit",
    "admin.group_list": "list_groups",
    "admin.group_new": "post_group",
    "admin.group_edit": "get_group patch_group",
    "admin.group_members": "list_users join_group",
    "admin.group_delete": "list_limits list_notifications list_groups delete_group",
    "admin.group_history": "list_audit",
    "admin.limit_list": "list_limits",
    "admin.limit_new": "preview_limit post_limit tell_contradicted",
    "admin.limit_edit": "get_limit preview_limit patch_limit tell_contradicted",
    "admin.limit_delete": "preview_limit_deletion delete_limit",
    "admin.limit_history": "list_audit",
    "admin.limit_of_group": "list_group_limits",
    "admin.maintenance_list": "list_maintenance",
    "admin.maintenance_new": "preview_maintenance post_maintenance tell_contradicted",
    "admin.maintenance_edit": "get_maintenance preview_maintenance patch_maintenance",
    "admin.maintenance_end": "end_maintenance",
    "admin.maintenance_delete": "delete_maintenance",
    "admin.maintenance_history": "list_audit",
    "admin.node_list": "list_nodes",
    "admin.node_new": "post_node",
    "admin.node_edit": "get_node preview_node patch_node put_capacity delete_capacity",
    "admin.node_delete": "delete_node",
    "admin.node_history": "list_audit",
    "admin.node_reservations": "list_reservations",
    "admin.notification_list": "list_notifications",
    "admin.notification_new": "preview_draft post_notification",
    "admin.notification_edit": "get_notification preview_notification patch_notification",
    "admin.notification_approve": "approve_notification",
    "admin.notification_people": "assign_notification unassign_notification",
    "admin.notification_delete": "delete_notification",
    "admin.notification_history": "list_audit",
    "admin.outbox_list": "list_outbox count_outbox",
    "admin.outbox_show": "get_outbox_row",
    "admin.outbox_act": "retry_outbox_row drop_outbox_row",
    "admin.reservation_list": "list_reservations",
    "admin.tag_list": "list_everybodys_tags",
    "admin.user_list": "list_users",
    "admin.user_new": "get_suggested_uid post_user",
    "admin.user_edit": "get_user patch_user",
    "admin.user_active": "list_reservations patch_user",
    "admin.user_password": "put_password",
    "admin.user_delete": "delete_user",
    "admin.user_history": "list_audit",
    "admin.user_limits": "list_standing list_effective_limits",
    "admin.user_reservations": "list_reservations",
    "admin.user_sessions": "list_sessions list_tokens",
    "admin.user_sessions_end": "delete_session delete_sessions",
    "admin.user_token_revoke": "delete_token",
    # reservations
    "timeline.index": "get_timetable",
    "timeline.rows": "get_timetable",
    "timeline.card": "get_reservation",
    "timeline.move": "patch_reservation",
    "agenda.page": "get_timetable",
    "agenda.events": "get_timetable",
    "calendar.index": "get_timetable",
    "asking.index": "list_standing list_reservations",
    "asking.suggestions": "search_offers",
    "asking.answer": "search_offers post_reservation list_tags post_tag get_tag patch_tag",
    "moving.move": "patch_reservation",
    "reservations.index": "list_reservations",
    "reservations.show": "patch_reservation put_reservation_tag delete_reservation_tag delete_tag",
    "reservations.check": "search_offers",
    "reservations.cancel": "cancel_reservation",
    "reservations.release": "release_reservation",
    "reservations.history": "get_reservation_history",
    "reports.index": "get_report",
    "use.of_reservation": "get_reservation_usage",
    "use.now": "list_exceeding",
    "status.index": "list_nodes_now get_service_now get_grafana",
    "status.bring_up_to_date": "sync_grafana",
    # one's own account
    "auth.login": "sign_in refresh",
    "auth.logout": "revoke",
    "profile.index": "get_me patch_me get_my_time_zone list_standing list_my_tokens list_my_feeds",
    "profile.password": "put_my_password",
    "profile_grafana.password": "put_my_grafana_password",
    "profile_feeds.new": "post_my_feed get_my_feed",
    "profile_feeds.replace": "replace_my_feed",
    "profile_feeds.revoke": "delete_my_feed",
    "profile_sessions.end": "list_my_sessions delete_my_session",
    "profile_sessions.end_others": "delete_my_other_sessions",
    "profile_tokens.new": "post_my_token get_my_token",
    "profile_tokens.revoke": "delete_my_token",
    "notifications.index": "list_notifications get_my_calendar_letters",
    "notifications.calendar": "put_my_calendar_letters",
    "notifications.new": "preview_draft post_notification",
    "notifications.edit": "preview_notification patch_notification",
    "notifications.delete": "delete_notification",
    "notifications.letters": "list_my_letters count_my_unseen_letters see_my_letters",
}
"""Page to the ids of the operations that do the same."""

WITHOUT = {
    "bootstrap.static": ASSET,
    "static": ASSET,
    "auth.leaving": AUTH,
    "grafana_sign_in.check": AUTH,
    "grafana_sign_in.stopped": AUTH,
    "docs.page": "it shows the API",
    "docs.file": ASSET,
    "docs.start": ASSET,
    "feeds.show": "a feed for calendar programs, which have no tokens: its address is the secret",
    "passwords.forgotten": "for people who cannot sign in; the link of the letter leads to a page",
    "passwords.asked": "as passwords.forgotten",
    "passwords.reset": "as passwords.forgotten",
    "reserved.show": "as service.healthz",
    "service.healthz": "for what watches the service; it is no page",
    "service.readyz": "as service.healthz",
    "service.show_metrics": "as service.healthz",
    "service.targets": "as service.healthz",
    "single_sign_on.begin": AUTH,
    "single_sign_on.finish": AUTH,
}
"""Pages without operations, and why."""


def pages(app: Flask) -> set[str]:
    """The endpoints that are no part of an API."""
    every = {rule.endpoint for rule in app.url_map.iter_rules()}
    return {endpoint for endpoint in every if not endpoint.startswith(("api.", "compat"))}


def test_what_a_page_does_the_api_does(app: Flask) -> None:
    assert pages(app) == OPERATIONS.keys() | WITHOUT.keys()
    assert not OPERATIONS.keys() & WITHOUT.keys()
    named = {name for names in OPERATIONS.values() for name in names.split()}
    assert named == DESCRIBED.keys()
