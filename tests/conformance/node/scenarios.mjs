// What an application does with fhir-kit-client, against the server named on the command line.
//
// node scenarios.mjs BASE NAME prints what the scenario NAME saw, as JSON; tests judge it.

import { Client } from 'fhir-kit-client';

const [base, name] = process.argv.slice(2);
const client = new Client({ baseUrl: base });
const serial = `${Date.now()}-${process.pid}`;

const patient = (more = {}) => ({ resourceType: 'Patient', active: true, ...more });
const create = (body = patient()) => client.create({ resourceType: body.resourceType, body });
const header = (answer, which) => Client.httpFor(answer).response.headers.get(which);

/** Return the status and the first issue of what `work` is refused with. */
async function refused(work) {
  try {
    await work();
  } catch (error) {
    return { status: error.response.status, issue: error.response.data.issue[0] };
  }
  return { status: 200 };
}

const scenarios = {
  async creates_reads_and_updates() {
    const made = await create(patient({ name: [{ family: 'Élan', given: ['Zoé'] }] }));
    const read = await client.read({ resourceType: 'Patient', id: made.id });
    const body = { ...read, gender: 'female' };
    const updated = await client.update({ resourceType: 'Patient', id: made.id, body });
    return { made, read, updated, location: header(made, 'location'), etag: header(updated, 'etag') };
  },

  async updates_under_a_condition() {
    const body = patient({ identifier: [{ system: 'urn:kit', value: serial }] });
    const searchParams = { identifier: `urn:kit|${serial}` };
    const answers = [];
    for (let turn = 0; turn < 2; turn += 1) {
      const done = await client.update({ resourceType: 'Patient', searchParams, body });
      answers.push({ id: done.id, status: Client.httpFor(done).response.status });
    }
    return answers;
  },

  async is_held_to_the_version_it_names() {
    const made = await create();
    const body = { ...made, active: false };
    const change = (tag) => () =>
      client.update({
        resourceType: 'Patient', id: made.id, body, options: { headers: { 'If-Match': tag } },
      });
    return [await refused(change('W/"1"')), await refused(change('W/"1"'))];
  },

  async patches_and_deletes() {
    const { id } = await create();
    const jsonPatch = [{ op: 'replace', path: '/active', value: false }];
    const patched = await client.patch({ resourceType: 'Patient', id, jsonPatch });
    await client.delete({ resourceType: 'Patient', id });
    return { patched, after: await refused(() => client.read({ resourceType: 'Patient', id })) };
  },

  async searches_and_turns_pages() {
    const { id } = await create();
    for (let turn = 0; turn < 7; turn += 1) {
      await create({
        resourceType: 'Observation', status: 'final', code: { text: `x${turn}` },
        subject: { reference: `Patient/${id}` },
      });
    }
    const searchParams = { patient: id, _count: 3 };
    const pages = [];
    let bundle = await client.search({ resourceType: 'Observation', searchParams });
    const { total } = bundle;
    const coding = header(bundle, 'content-encoding');
    for (; bundle; bundle = await client.nextPage({ bundle })) {
      pages.push(bundle.entry.map((entry) => entry.resource.id));
    }
    const posted = await client.search({
      resourceType: 'Observation', searchParams: { patient: id }, options: { postSearch: true },
    });
    return { total, pages, coding, posted: posted.total };
  },

  async runs_a_transaction_and_a_batch() {
    const fullUrl = 'urn:uuid:6a1f7a0e-5c1e-4d8a-9a55-0f3f6f7b2c11';
    const entry = [
      { fullUrl, resource: patient(), request: { method: 'POST', url: 'Patient' } },
      {
        resource: {
          resourceType: 'Observation', status: 'final', code: { text: 'x' },
          subject: { reference: fullUrl },
        },
        request: { method: 'POST', url: 'Observation' },
      },
    ];
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry };
    const done = await client.transaction({ body: bundle });
    const [patientAt, observationAt] = done.entry.map((one) => one.response.location);
    const observation = await client.request(observationAt);
    const body = {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        { request: { method: 'GET', url: patientAt.replace(`${base}/`, '').split('/_history')[0] } },
        { request: { method: 'GET', url: 'Patient/nobody' } },
      ],
    };
    const batch = await client.batch({ body });
    return {
      type: done.type,
      subject: observation.subject.reference,
      patientAt,
      statuses: batch.entry.map((one) => one.response.status),
    };
  },

  async reads_a_history_and_its_versions() {
    const { id } = await create();
    const body = patient({ id, active: false });
    await client.update({ resourceType: 'Patient', id, body });
    const history = await client.history({ resourceType: 'Patient', id });
    const first = await client.vread({ resourceType: 'Patient', id, version: '1' });
    const ofType = await client.history({ resourceType: 'Patient' });
    const ofAll = await client.history();
    return {
      versions: history.entry.map((one) => one.resource.meta.versionId),
      type: history.type,
      first: first.active,
      ofType: ofType.entry[0].resource.id === id,
      ofAll: ofAll.type,
    };
  },

  async resolves_a_reference() {
    const made = await create();
    const found = await client.resolve({ reference: `Patient/${made.id}` });
    return { same: found.id === made.id };
  },

  async discovers_the_server() {
    const statement = await client.capabilityStatement();
    const smart = await client.smartAuthMetadata();
    return {
      kind: statement.resourceType,
      version: statement.fhirVersion,
      types: statement.rest[0].resource.length,
      coding: header(statement, 'content-encoding'),
      smart: Object.keys(smart),
    };
  },

  async is_told_what_is_wrong() {
    return {
      value: await refused(() => create(patient({ gender: 'tree' }))),
      parameter: await refused(() =>
        client.search({ resourceType: 'Patient', searchParams: { colour: 'blue' } })),
      absent: await refused(() => client.read({ resourceType: 'Patient', id: 'nobody' })),
    };
  },
};

console.log(JSON.stringify(await scenarios[name]()));
