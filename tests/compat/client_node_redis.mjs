// Runs the cases with node-redis: node client_node_redis.mjs plain|cluster PORT MODULES < steps
// Settings are the client's own; commands go through sendCommand(), some idioms through methods.
import {createRequire} from 'node:module';
import assert from 'node:assert';
import {readFileSync} from 'node:fs';

const [mode, port, modules] = process.argv.slice(2);
const {createClient, createCluster} = createRequire(modules + '/')('redis');
const steps = JSON.parse(readFileSync(0, 'utf8'));
const url = `redis://127.0.0.1:${port}`;
const isCluster = mode === 'cluster';
const client = isCluster ? createCluster({rootNodes: [{url}]}) : createClient({url});
client.on('error', (error) => console.error(String(error)));
await client.connect();

function send(words) {
    if (!isCluster)
        return client.sendCommand(words);
    return client.sendCommand(words.find((word) => word.startsWith('{c}')), false, words);
}

async function runStep(step) {
    try {
        if (step.send)
            return await send(step.send);
        const [name, ...options] = step.scan;
        const found = new Set();
        let cursor = '0';
        do {
            const [next, keys] = await send([name, cursor, ...options]);
            keys.forEach((key) => found.add(key));
            cursor = String(next);
        } while (cursor !== '0');
        return [...found];
    } catch (error) {
        return {error: error.message};
    }
}

async function idioms() {
    assert.equal(await client.set('{i}a', '1', {EX: 100}), 'OK');
    assert.equal(await client.get('{i}a'), '1');
    assert.equal(await client.mSet([['{i}b', '2'], ['{i}c', '3']]), 'OK');
    assert.deepEqual(await client.mGet(['{i}a', '{i}b', '{i}c']), ['1', '2', '3']);
    const names = Array.from({length: 100}, (_, i) => `pipe:${i}`);
    await Promise.all(names.map((name, i) => client.set(name, String(i)))); // pipelined
    const values = await Promise.all(names.map((name) => client.get(name)));
    assert.equal(values[99], '99');
    await Promise.all(names.map((name) => client.del(name)));
    assert.equal(await client.del(['{i}a', '{i}b', '{i}c']), 3);
}

const replies = [];
for (const step of steps)
    replies.push((await runStep(step)) ?? null);
await idioms();
console.log(JSON.stringify(replies));
await client.close();
