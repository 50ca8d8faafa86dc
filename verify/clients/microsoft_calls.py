"""Calls of three Python libraries for Microsoft's services: msal, O365 and msgraph-sdk."""
import asyncio
import logging
import os
import tempfile
import time

import msal
from azure.core.credentials import AccessToken
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.drives.item.items.item.copy.copy_post_request_body import CopyPostRequestBody
from msgraph.generated.drives.item.items.item.create_link.create_link_post_request_body import CreateLinkPostRequestBody
from msgraph.generated.drives.item.items.item.create_upload_session.create_upload_session_post_request_body import (
    CreateUploadSessionPostRequestBody)
from msgraph.generated.drives.item.items.item.preview.preview_post_request_body import PreviewPostRequestBody
from msgraph.generated.drives.item.items.item.restore.restore_post_request_body import RestorePostRequestBody
from msgraph.generated.models.drive_item import DriveItem
from msgraph.generated.models.folder import Folder
from msgraph.generated.models.item_reference import ItemReference
from msgraph.generated.models.subscription import Subscription
from O365 import Account
from O365.utils.token import MemoryTokenBackend

from table import ACCOUNT, CLIENT, CLIENT_SECRET, REDIRECT, Table, consent

SCOPES = ['User.Read', 'Files.ReadWrite.All', 'Sites.ReadWrite.All']


def msal_calls(call):
    app = msal.ConfidentialClientApplication(CLIENT, client_credential=CLIENT_SECRET,
                                             authority='https://login.microsoftonline.com/common')
    def sign_in(account):
        url = app.get_authorization_request_url(SCOPES, redirect_uri=REDIRECT)
        return held(app.acquire_token_by_authorization_code(consent(url, account), SCOPES, redirect_uri=REDIRECT))
    personal = call('acquire_token_by_authorization_code, personal', lambda: sign_in(ACCOUNT['personal']))
    work = call('acquire_token_by_authorization_code, work', lambda: sign_in(ACCOUNT['work']))
    call('acquire_token_by_refresh_token', lambda: held(app.acquire_token_by_refresh_token(personal['refresh_token'], SCOPES)))
    call('acquire_token_silent, forced', lambda: held(
        app.acquire_token_silent(SCOPES, account=app.get_accounts()[0], force_refresh=True)))
    return work


def held(answer):
    if 'access_token' not in (answer or {}):
        raise AssertionError(str(answer))
    return answer


def o365_calls(call):
    account = Account((CLIENT, CLIENT_SECRET), token_backend=MemoryTokenBackend(), tenant_id='common')
    def sign_in():
        url, flow = account.con.get_authorization_url(requested_scopes=SCOPES, redirect_uri=REDIRECT)
        code = consent(url, ACCOUNT['personal'])
        if not account.con.request_token(f"{REDIRECT}?code={code}&state={flow['state']}", flow=flow):
            raise AssertionError('no token')
    call('Connection.request_token', sign_in)
    storage = account.storage()
    drive = call('Storage.get_default_drive', storage.get_default_drive)
    root = call('Drive.get_root_folder', drive.get_root_folder)
    folder = call('Folder.create_child_folder', lambda: root.create_child_folder('o365'))
    with tempfile.TemporaryDirectory() as place:
        small, large = os.path.join(place, 'small.txt'), os.path.join(place, 'large.bin')
        with open(small, 'wb') as out:
            out.write(b'small')
        with open(large, 'wb') as out:
            out.write(os.urandom(6 * 1024 * 1024 + 7))
        file = call('Folder.upload_file', lambda: there(folder.upload_file(small)))
        call('Folder.upload_file in a session', lambda: there(folder.upload_file(large)))
        call('File.download', lambda: there(file.download(to_path=place, name='back.txt')))
    call('Folder.get_items', lambda: there(list(folder.get_items())))
    call('Folder.get_items by pages', lambda: there(list(root.get_items(limit=None, batch=1))))
    call('Drive.get_item_by_path', lambda: there(drive.get_item_by_path('/o365/small.txt')))
    call('Drive.get_item', lambda: there(drive.get_item(file.object_id)))
    call('Folder.search', lambda: list(folder.search('small')))
    call('Drive.search', lambda: list(drive.search('small')))
    call('File.update', lambda: there(file.update(name='renamed.txt')))
    call('File.copy', lambda: there(file.copy(folder, name='copy.txt')))
    call('File.move', lambda: there(file.move(root)))
    call('File.get_versions', lambda: list(file.get_versions()))
    call('File.share_with_link', lambda: there(file.share_with_link()))
    call('File.get_permissions', lambda: list(file.get_permissions()))
    call('File.get_thumbnails', lambda: list(file.get_thumbnails()))
    call('Drive.get_recent', lambda: list(drive.get_recent()))
    call('Drive.get_shared_with_me', lambda: list(drive.get_shared_with_me()))
    call('Drive.get_special_folder', lambda: there(drive.get_special_folder('documents')))
    call('File.delete', lambda: there(file.delete()))


def there(value):
    if not value:
        raise AssertionError(f'{value!r} was answered')
    return value


class Bearer:
    """The token that msal has got, as the SDK's own way in wants it."""
    def __init__(self, token):
        self.token = token
    async def get_token(self, *_, **__):
        return AccessToken(self.token, int(time.time()) + 3600)
    async def close(self):
        pass


async def graph_calls(table, token):
    adapter = GraphRequestAdapter(AzureIdentityAuthenticationProvider(Bearer(token)))
    graph = GraphServiceClient(request_adapter=adapter)
    plain = table.of('msgraph-sdk')
    async def call(name, do):
        try:
            value, error = await do(), None
        except Exception as raised:
            value, error = None, raised
        def again():
            if error:
                raise error
            return value
        return plain(name, again)
    await call('me', graph.me.get)
    drive = await call('me.drive', graph.me.drive.get)
    here = graph.drives.by_drive_id(drive.id)
    items = here.items
    at = items.by_drive_item_id
    await call('drive', here.get)
    root = await call('drive.root', here.root.get)
    await call('children', at(root.id).children.get)
    folder = await call('children.post a folder', lambda: at(root.id).children.post(DriveItem(name='sdk', folder=Folder())))
    file = await call('content.put by path', lambda: at(f'{folder.id}:/a.txt:').content.put(b'one'))
    await call('content.put by id', lambda: at(file.id).content.put(b'two'))
    await call('content.get', at(file.id).content.get)
    await call('item.get', at(file.id).get)
    await call('item.patch', lambda: at(file.id).patch(DriveItem(name='b.txt')))
    await call('create_upload_session', lambda: at(f'{folder.id}:/c.bin:').create_upload_session.post(
        CreateUploadSessionPostRequestBody(additional_data={'item': {'@microsoft.graph.conflictBehavior': 'replace'}})))
    await call('copy', lambda: at(file.id).copy.post(
        CopyPostRequestBody(name='copied.txt', parent_reference=ItemReference(id=folder.id))))
    await call('search', lambda: here.search_with_q('b.txt').get())
    await history_calls(call, graph, here, at, file)
    await sharing_calls(call, graph, here, at, file)
    await call('item.delete', at(file.id).delete)
    await call('restore', lambda: at(file.id).restore.post(RestorePostRequestBody()))
    await call('permanent_delete', at(folder.id).permanent_delete.post)


async def history_calls(call, graph, here, at, file):
    await call('root.delta', at('root').delta.get)
    await call("root.delta(token='latest')", lambda: at('root').delta_with_token('latest').get())
    versions = await call('versions', at(file.id).versions.get)
    first = versions.value[-1].id if versions else '1.0'
    await call('version', at(file.id).versions.by_drive_item_version_id(first).get)
    await call('version.content', at(file.id).versions.by_drive_item_version_id(first).content.get)
    await call('version.restore_version', at(file.id).versions.by_drive_item_version_id(first).restore_version.post)
    wanted = Subscription(change_type='updated', notification_url='https://graph.microsoft.com/sink', resource='me/drive/root',
                          expiration_date_time=None, client_state='s')
    await call('subscriptions.post', lambda: graph.subscriptions.post(wanted))
    await call('subscriptions', graph.subscriptions.get)
    await call('batch', lambda: batch(graph))


async def batch(graph):
    from msgraph_core.requests.batch_request_content import BatchRequestContent
    content = BatchRequestContent()
    info = graph.me.to_get_request_information()
    content.add_request_information(info)
    answer = await graph.batch.post(batch_request_content=content)
    there(answer)


async def sharing_calls(call, graph, here, at, file):
    await call('create_link', lambda: at(file.id).create_link.post(CreateLinkPostRequestBody(type='view', scope='anonymous')))
    await call('permissions', at(file.id).permissions.get)
    await call('thumbnails', at(file.id).thumbnails.get)
    await call('preview', lambda: at(file.id).preview.post(PreviewPostRequestBody()))
    await call('checkout', at(file.id).checkout.post)
    await call('list_item', at(file.id).list_item.get)
    await call('analytics', at(file.id).analytics.get)
    await call('recent', here.recent.get)
    await call('shared_with_me', here.shared_with_me.get)
    await call('special documents', here.special.by_drive_item_id('documents').get)
    await call('special approot', here.special.by_drive_item_id('approot').get)
    await call('me.drives', graph.me.drives.get)
    await call('sites', graph.sites.get)
    site = await call('sites root', graph.sites.by_site_id('root').get)
    await call('site.drives', graph.sites.by_site_id(site.id if site else 'root').drives.get)
    await call('groups', graph.groups.get)


def run(table: Table):
    logging.disable(logging.CRITICAL)
    work = msal_calls(table.of('msal'))
    o365_calls(table.of('O365'))
    asyncio.run(graph_calls(table, work['access_token']))
