/** A rule of a model that can be taken away: where, what, what instead, and what does not hold then. */
export interface ModelRule {
  readonly model: ModelName
  readonly rule: string
  readonly without: string
  /** An invariant, or a run of the model's own that chance hardly finds. */
  readonly breaks: string
  /** Of a run in which the invariant breaks; where the model has changed since, others are tried after it. */
  readonly seed?: string
}

export type ModelName = 'cells' | 'lease'

/** By what the rule says. */
export const rules: Readonly<Record<string, ModelRule>> = {
  'the packer moves a row only as it was read': {
    model: 'cells',
    rule: 'and st.rows.get(i.conn).version == me.seen.get(i.conn).version',
    without: 'and st.rows.get(i.conn).key == i.key',
    breaks: 'newestServed',
    seed: '0x19d5e',
  },
  'rows are pointed only at a cell that is being filled': {
    model: 'cells',
    rule: 'st.cells.keys().contains(me.cell) and st.cells.get(me.cell) == "filling"\n      and ',
    without: '',
    breaks: 'slowPackerTest',
  },
  'a consent commits only under the name that it wrote down': {
    model: 'cells',
    rule: 'if (r.arriving == me.name)\n',
    without: 'if (r.arriving >= 0)\n',
    breaks: 'noGrantLost',
    seed: '0x5',
  },
  'a rotated token is written only under the consent that it came for': {
    model: 'cells',
    rule: 'val ok = r.key == me.key',
    without: 'val ok = r.here',
    breaks: 'nothingBack',
    seed: '0x28ce1',
  },
  'a disconnect takes the key': {
    model: 'cells',
    rule: 'write(s, c, { ...replaced(r), goes: goes,',
    without: 'write(s, c, { ...replaced(r), key: r.key, goes: goes,',
    breaks: 'nothingBack',
    seed: '0x768',
  },
  'a disconnect says which cell still holds something': {
    model: 'cells',
    rule: 'leaves: r.leaves.union(cell) }',
    without: 'leaves: r.leaves }',
    breaks: 'packedIsClean',
    seed: '0x768',
  },
  'who takes one grant out of a cell takes all that stand in it': {
    model: 'cells',
    rule: '((due.contains(c) and dirty(r)) or there.contains(r.at))',
    without: '(due.contains(c) and dirty(r))',
    breaks: 'packedIsClean',
    seed: '0x3ccdb',
  },
  'a cell with a copy that did not move is emptied': {
    model: 'cells',
    rule: 's.cells.set(me.cell, if (me.left) "dying" else "open")',
    without: 's.cells.set(me.cell, "open")',
    breaks: 'packedIsClean',
    seed: '0xed11',
  },
  'a cell that is ended is named until its secret is gone': {
    model: 'cells',
    rule: 'val left = without({ ...st, cells: st.cells.keys().exclude(me.ends).mapBy(n => st.cells.get(n)) }, me.ends)',
    without: 'val left = { ...st, cells: st.cells.keys().exclude(me.ends).mapBy(n => st.cells.get(n)) }',
    breaks: 'known',
    seed: '0x768',
  },
  'a name is kept as long as its secret may still come': {
    model: 'cells',
    rule: 'val stays = goes.intersect(st.young)',
    without: 'val stays = Set()',
    breaks: 'known',
    seed: '0x2d3a5',
  },
  'each consent has a name of its own': {
    model: 'cells',
    rule: 'val name = 2 * s.names + 1',
    without: 'val name = if (r.arriving > 0) r.arriving else 2 * s.names + 1',
    breaks: 'writtenOnce',
    seed: '0x5',
  },
  'a lease ends under its own fence': {
    model: 'lease',
    rule: 'st.row.fence == me.fence and (st.row.owner == me.ticket or st.row.settledBy == me.ticket)',
    without: 'true',
    breaks: 'noStaleWrite',
    seed: '0x5',
  },
  'who has no lease writes nothing over a mark': {
    model: 'lease',
    rule: 's.row.dead == 0 and s.row.version <= me.seen',
    without: 's.row.version <= me.seen',
    breaks: 'nothingLeft',
    seed: '0x4cc',
  },
  'a disconnect takes every lease that is out': {
    model: 'lease',
    rule: '{ ...s.row, fence: s.row.fence + 1, owner: 0, until: 0, settledBy: 0, dead: -1, access: 0 }',
    without: '{ ...s.row, dead: -1, access: 0 }',
    breaks: 'nothingLeft',
    seed: '0x285f',
  },
  'a consent stores its first token only where no disconnect came in between': {
    model: 'lease',
    rule: 'if (s.row.dead != -1 or s.row.fence == me.fence) row else s.row',
    without: 'row',
    breaks: 'nothingLeft',
    seed: '0x1582',
  },
  'a new refresh token is kept only under its own consent': {
    model: 'lease',
    rule: 's.grant.consent == me.used.consent and ',
    without: '',
    breaks: 'nothingLeft',
    seed: '0x4cc',
  },
  'a consent writes grant and connection together': {
    model: 'lease',
    rule: 'grant: { consent: me.first, token: me.first }, consent',
    without: 'consent',
    breaks: 'grantKept',
    seed: '0x5',
  },
  'the grant is looked at again before anybody is told': {
    model: 'lease',
    rule: 'if (dead) { ...me, pc: "mark" } else atRest',
    without: '{ ...me, pc: "mark" }',
    breaks: 'deadIsTrue',
    seed: '0x2ed9',
  },
  'the connection is written as it was read': {
    model: 'lease',
    rule: 'if (s.changed != me.seen)',
    without: 'if (s.now < 0)',
    breaks: 'deadIsTrue',
    seed: '0x40329',
  },
  'a mark is of one consent': {
    model: 'lease',
    rule: 'st.grant.consent == (if (mark == -1) 0 else mark)',
    without: 'true',
    breaks: 'deadIsTrue',
    seed: '0x5',
  },
}
