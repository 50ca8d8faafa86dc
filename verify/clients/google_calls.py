"""Calls of Google's own Python client, each named as its users know it."""
import io
import json

import requests
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from google_auth_oauthlib.flow import Flow
from googleapiclient.discovery import build
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload

from table import ACCOUNT, CLIENT, CLIENT_SECRET, REDIRECT, Table, consent

SCOPES = ['openid', 'https://www.googleapis.com/auth/userinfo.email', 'https://www.googleapis.com/auth/drive',
          'https://www.googleapis.com/auth/drive.appdata']
FOLDER = 'application/vnd.google-apps.folder'


def sign_in():
    client = {'web': {'client_id': CLIENT, 'client_secret': CLIENT_SECRET,
                      'auth_uri': 'https://accounts.google.com/o/oauth2/auth',
                      'token_uri': 'https://oauth2.googleapis.com/token'}}
    flow = Flow.from_client_config(client, scopes=SCOPES, redirect_uri=REDIRECT)
    url, _ = flow.authorization_url(access_type='offline', prompt='consent')
    flow.fetch_token(code=consent(url, ACCOUNT['google']))
    return flow.credentials


def media(data, chunk=None, kind='text/plain'):
    resumable = chunk is not None
    return MediaIoBaseUpload(io.BytesIO(data), mimetype=kind, resumable=resumable, chunksize=chunk or -1)


def finish(request):
    answer = None
    while answer is None:
        _, answer = request.next_chunk()
    return answer


def download(request, chunk):
    out = io.BytesIO()
    reader = MediaIoBaseDownload(out, request, chunksize=chunk)
    done = False
    while not done:
        _, done = reader.next_chunk()
    return out.getvalue()


QUERIES = ["name = 'small.txt'", "name contains 'sma'", "name = 'it\\'s \\\\ odd.txt'", "mimeType = 'text/plain'",
           f"mimeType != '{FOLDER}'", "modifiedTime > '2020-01-01T00:00:00'", "trashed = false", "starred = true",
           "'root' in parents", "'me' in owners", "fullText contains 'small'", "not name = 'x'",
           "appProperties has { key='k' and value='v' }", "properties has { key='k' and value='v' }",
           "(name = 'a' or name = 'small.txt') and trashed = false", "sharedWithMe",
           "'labels/x' in labels"]


def run(table: Table):
    call = table.of('google-auth')
    creds = call('Flow.authorization_url, fetch_token', sign_in)
    call('Credentials.refresh', lambda: creds.refresh(Request()))
    call('id_token.verify_oauth2_token',
         lambda: id_token.verify_oauth2_token(creds.id_token, Request(), CLIENT, clock_skew_in_seconds=10))
    call('userinfo', lambda: requests.get('https://www.googleapis.com/oauth2/v3/userinfo', timeout=30,
                                          headers={'authorization': f'Bearer {creds.token}'}).raise_for_status())
    drive = build('drive', 'v3', credentials=creds)
    files(table.of('google-api-python-client'), drive)
    history(table.of('google-api-python-client'), drive)
    sharing(table.of('google-api-python-client'), drive)
    older = build('drive', 'v2', credentials=creds)
    table.of('google-api-python-client')('v2 files.list', lambda: older.files().list().execute())


def files(call, drive):
    f = drive.files()
    call('about.get', lambda: drive.about().get(fields='*').execute())
    folder = call('files.create a folder', lambda: f.create(body={'name': 'docs', 'mimeType': FOLDER}).execute())['id']
    body = {'name': 'small.txt', 'parents': [folder], 'appProperties': {'k': 'v'}}
    small = call('files.create in one request', lambda: f.create(body=body, media_body=media(b'small')).execute())['id']
    call('files.create with quotes and backslash in its name',
         lambda: f.create(body={'name': "it's \\ odd.txt"}, media_body=media(b'odd')).execute())
    big = bytes(range(256)) * 4096
    large = call('files.create resumable, chunks of 512 KiB',
                 lambda: finish(f.create(body={'name': 'large.bin'}, media_body=media(big, 524288))))['id']
    call('files.create resumable, one chunk',
         lambda: finish(f.create(body={'name': 'one.bin'}, media_body=media(b'x' * 9, 262144))))
    ids = call('files.generateIds', lambda: f.generateIds(count=2).execute())['ids']
    call('files.create with its own id', lambda: f.create(body={'id': ids[0], 'name': 'own'}).execute())
    call('files.get fields=*', lambda: f.get(fileId=small, fields='*').execute())
    call('files.get_media', lambda: same(f.get_media(fileId=small).execute(), b'small'))
    call('MediaIoBaseDownload, chunks of 256 KiB', lambda: same(download(f.get_media(fileId=large), 262144), big))
    for query in QUERIES:
        call(f'files.list q: {query}', lambda q=query: f.list(q=q).execute())
    call('files.list orderBy', lambda: f.list(orderBy='folder,name desc,modifiedTime').execute())
    call('files.list pages', lambda: pages(f))
    call('files.list of appDataFolder', lambda: f.list(spaces='appDataFolder').execute())
    call('files.update name and properties', lambda: f.update(fileId=small, body={'name': 's.txt', 'properties': {'k': 'v'}}).execute())
    call('files.update content', lambda: f.update(fileId=small, media_body=media(b'newer')).execute())
    call('files.update move', lambda: f.update(fileId=small, addParents='root', removeParents=folder).execute())
    call('files.copy', lambda: f.copy(fileId=small, body={'name': 'copy'}).execute())
    call('files.create a shortcut', lambda: f.create(body={
        'name': 'link', 'mimeType': 'application/vnd.google-apps.shortcut', 'shortcutDetails': {'targetId': small}}).execute())
    doc = call('files.create a Doc from text', lambda: f.create(body={
        'name': 'doc', 'mimeType': 'application/vnd.google-apps.document'}, media_body=media(b'text')).execute())['id']
    call('files.export', lambda: f.export(fileId=doc, mimeType='text/plain').execute())
    call('files.update trash', lambda: f.update(fileId=small, body={'trashed': True}).execute())
    call('files.update restore from the trash', lambda: f.update(fileId=small, body={'trashed': False}).execute())
    call('files.delete', lambda: f.delete(fileId=large).execute())
    call('files.emptyTrash', lambda: f.emptyTrash().execute())
    call('files.download', lambda: f.download(fileId=small).execute())
    call('apps.list', lambda: drive.apps().list().execute())


def history(call, drive):
    f = drive.files()
    file = f.create(body={'name': 'history'}, media_body=media(b'one')).execute()['id']
    f.update(fileId=file, media_body=media(b'two')).execute()
    changes, revisions = drive.changes(), drive.revisions()
    token = call('changes.getStartPageToken', lambda: changes.getStartPageToken().execute())
    start = token['startPageToken'] if token else '1'
    call('changes.list', lambda: changes.list(pageToken=start, fields='*').execute())
    channel = {'id': 'channel-1', 'type': 'web_hook', 'address': 'https://www.googleapis.com/sink'}
    call('changes.watch', lambda: changes.watch(pageToken=start, body=channel).execute())
    call('files.watch', lambda: f.watch(fileId=file, body={**channel, 'id': 'channel-2'}).execute())
    call('channels.stop', lambda: drive.channels().stop(body={'id': 'channel-1', 'resourceId': 'x'}).execute())
    listed = call('revisions.list', lambda: revisions.list(fileId=file, fields='*').execute())
    first = listed['revisions'][0]['id'] if listed else 'x'
    call('revisions.get', lambda: revisions.get(fileId=file, revisionId=first, fields='*').execute())
    call('revisions.get_media', lambda: same(revisions.get_media(fileId=file, revisionId=first).execute(), b'one'))
    call('revisions.update keepForever',
         lambda: revisions.update(fileId=file, revisionId=first, body={'keepForever': True}).execute())
    call('revisions.delete', lambda: revisions.delete(fileId=file, revisionId=first).execute())
    call('batch', lambda: batch(drive, file))


def sharing(call, drive):
    file = drive.files().create(body={'name': 'shared'}).execute()['id']
    p = drive.permissions()
    made = call('permissions.create', lambda: p.create(fileId=file, body={'type': 'anyone', 'role': 'reader'}).execute())
    permission = made['id'] if made else 'x'
    call('permissions.list', lambda: p.list(fileId=file).execute())
    call('permissions.get', lambda: p.get(fileId=file, permissionId=permission).execute())
    call('permissions.update', lambda: p.update(fileId=file, permissionId=permission, body={'role': 'writer'}).execute())
    call('permissions.delete', lambda: p.delete(fileId=file, permissionId=permission).execute())
    call('comments.list', lambda: drive.comments().list(fileId=file, fields='*').execute())
    call('comments.create', lambda: drive.comments().create(fileId=file, fields='*', body={'content': 'c'}).execute())
    call('files.listLabels', lambda: drive.files().listLabels(fileId=file).execute())
    call('files.modifyLabels', lambda: drive.files().modifyLabels(fileId=file, body={'labelModifications': []}).execute())
    shared = drive.drives()
    call('drives.list', lambda: shared.list().execute())
    made = call('drives.create', lambda: shared.create(requestId='r-1', body={'name': 'Team'}).execute())
    team = made['id'] if made else 'x'
    call('drives.get', lambda: shared.get(driveId=team).execute())
    call('files.create in a shared drive', lambda: made and drive.files().create(
        supportsAllDrives=True, body={'name': 't', 'parents': [team]}, fields='id,driveId').execute())
    call('files.list of a shared drive', lambda: drive.files().list(
        corpora='drive', driveId=team, includeItemsFromAllDrives=True, supportsAllDrives=True).execute())
    call('drives.update', lambda: shared.update(driveId=team, body={'name': 'Team 2'}).execute())
    call('drives.hide', lambda: shared.hide(driveId=team).execute())
    call('drives.delete', lambda: shared.delete(driveId=team, allowItemDeletion=False).execute())


def batch(drive, file):
    answers = []
    def each(_, answer, error):
        if error:
            raise error
        answers.append(answer)
    request = drive.new_batch_http_request(callback=each)
    request.add(drive.files().get(fileId=file))
    request.add(drive.files().update(fileId=file, body={'name': 'renamed in a batch'}))
    request.execute()
    same([answer['id'] for answer in answers], [file, file])


def pages(f):
    token, seen = None, []
    while True:
        page = f.list(pageSize=2, pageToken=token, fields='nextPageToken,files(id)').execute()
        seen += [file['id'] for file in page['files']]
        token = page.get('nextPageToken')
        if not token:
            break
    same(len(seen), len(set(seen)))


def same(got, wanted):
    if got != wanted:
        raise AssertionError(f'{json.dumps(str(got)[:80])} is not {json.dumps(str(wanted)[:80])}')
